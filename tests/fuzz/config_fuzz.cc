#include "config/config.h"

#include "tests/fuzz/target.h"

// An input is a settings file.
namespace dashcap {

std::vector<std::string> FuzzSeeds() {
  return {
      "{}",
      R"({"archive": {"directories": ["/data"], "min_free_percent": 5.5, "max_bytes": "500G", "max_age": "30d",
          "file_bytes": "1G", "file_age": "60s", "retention_interval": "1s"},
          // a comment
          "capture": [{"interface": "eth0", "source": "af_packet", "filter": "not port 873", "promiscuous": false,
                       "snap_length": 96, "ring_bytes": "64M", "block_memory_bytes": 67108864},
                      {"source": "file", "file": "/tmp/a.pcap", "pace": "recorded"}],
          "query": {"listen": ["unix:/run/query.sock", "tcp:[::1]:1235"], "socket_group": "dashcap",
                    "tokens": [{"name": "a",
                      "sha256": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}],
                    "max_concurrent_queries": 3},
          "runtime_directory": "/run/dashcap", "index_memory_bytes": "512M"})",
      R"({"archive": {"max_bytes": null, "max_age": null}, /* two */ "capture": [], "capture": []})",
      R"(["not", "an", "object", 1e999, -0, true, "é😀"])",
  };
}

}  // namespace dashcap

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dashcap;
  const auto config = ParseConfig({reinterpret_cast<const char*>(data), size}, "NAME");
  if (config) {
    Require(!config->archive.directories.empty() && !config->query.listen.empty(), "what is needed is there");
    for (const CaptureConfig& capture : config->capture) Require(!capture.interface.empty(), "captures have names");
    return 0;
  }
  Require(config.error().kind == ErrorKind::kInvalidInput, "the settings are to blame");
  Require(config.error().message.starts_with("NAME:"), "an error names the file");
  return 0;
}
