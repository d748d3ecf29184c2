#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace dashcap {

// The settings of both daemons, from one JSON file (comments allowed). docs/configuration.md lists every key.
struct ArchiveConfig {
  std::vector<std::string> directories = {"/var/lib/dashcap"};
  double min_free_percent = 10;        // 0 to 99
  std::optional<uint64_t> max_bytes;   // "500G", or a number
  std::optional<Nanoseconds> max_age;  // "30d"
  uint64_t file_bytes = uint64_t{1} << 30;
  Nanoseconds file_age = std::chrono::seconds(60);
  enum class Sync { kNone, kPublish, kBlock } sync = Sync::kPublish;
  std::optional<uint32_t> compression_level;  // 1 to 19; nullopt: blocks are stored as they are
  Nanoseconds retention_interval = std::chrono::seconds(1);
};

struct CaptureConfig {
  std::string interface;  // required
  enum class Source { kAfPacket, kPcap, kFile } source = Source::kAfPacket;
  std::string filter;  // pcap-filter(7) text
  bool promiscuous = true;
  enum class Direction { kBoth, kIn, kOut } direction = Direction::kBoth;
  uint32_t snap_length = 262144;
  uint32_t lanes = 1;
  enum class Fanout { kHosts, kFlow, kCpu } fanout = Fanout::kHosts;
  bool rollover = false;
  std::vector<uint32_t> cpus;                     // of the capture threads, in turn; empty: any
  uint64_t ring_bytes = uint64_t{64} << 20;       // of each lane
  uint64_t ring_block_bytes = uint64_t{1} << 20;  // a power of two
  Nanoseconds ring_timeout = std::chrono::milliseconds(100);
  bool hardware_timestamps = false;
  bool lock_filter = false;
  uint64_t block_memory_bytes = uint64_t{64} << 20;  // of each lane
  // Source "pcap".
  bool immediate = false;
  bool monitor_mode = false;
  bool nanoseconds = true;
  std::string timestamp_type;  // pcap-tstamp(7); empty: the device's own
  std::string link_type;       // "LINUX_SLL2"; empty: the device's own
  std::string file;            // source "file": path, or "-"
  enum class Pace { kFast, kRecorded } pace = Pace::kFast;
};

struct TokenConfig {
  std::string name;
  std::string sha256;  // of the token, 64 hex digits
};

struct QueryConfig {
  std::vector<std::string> listen = {"unix:/run/dashcap/query.sock"};  // or "tcp:127.0.0.1:1235"
  std::string socket_group = "dashcap";
  std::vector<TokenConfig> tokens;  // a TCP listener needs at least one
  uint32_t max_concurrent_queries = 8;
  std::string user;  // whom root becomes; empty: dashcap-query, dashcap or nobody else, whichever exists first
};

struct Config {
  ArchiveConfig archive;
  std::vector<CaptureConfig> capture;
  QueryConfig query;
  std::string runtime_directory = "/run/dashcap";     // status file
  uint64_t index_memory_bytes = uint64_t{512} << 20;  // flow tables of all lanes together
  std::string user;                                   // whom root becomes; empty: dashcap, if there is such a user
  bool sandbox = true;                                // Landlock and seccomp, of both daemons
};

// Errors name the key: `/etc/dashcap/dashcap.json: capture[0].snap_length: -1: must be 64 to 1048576`; for JSON that
// does not parse, line and column.
Result<Config> LoadConfig(const std::string& path);
Result<Config> ParseConfig(std::string_view text, const std::string& name);

}  // namespace dashcap
