#include "packet/filter_program.h"

#include <pcap/pcap.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <utility>

#include "base/mutex.h"

namespace dashcap {
namespace {

struct ClosePcap {
  void operator()(pcap_t* handle) const { pcap_close(handle); }
};
using PcapHandle = std::unique_ptr<pcap_t, ClosePcap>;

// A capture file without packets. A handle of pcap_open_dead() would not do: for it libpcap on Linux makes programs
// that ask the kernel for the direction of a packet.
Result<PcapHandle> OpenEmptyFile(LinkType link_type) {
  constexpr uint32_t kMagic = 0xa1b2c3d4;
  constexpr uint32_t kVersion = 2 | 4 << 16;
  constexpr uint32_t kSnapLength = 262144;
  std::array<uint32_t, 6> header = {kMagic, kVersion, 0, 0, kSnapLength, static_cast<uint32_t>(link_type)};
  if constexpr (std::endian::native == std::endian::big) header[1] = 2 << 16 | 4;
  FILE* file = fmemopen(header.data(), sizeof(header), "rb");
  if (!file) return Fail(SystemError("open memory as a file"));
  char message[PCAP_ERRBUF_SIZE] = "";
  PcapHandle handle(pcap_fopen_offline(file, message));
  if (!handle) {
    std::fclose(file);
    return Fail(ErrorKind::kInvalidInput, message);
  }
  // The header lies on our stack, but nothing reads the file any more.
  return handle;
}

// Before libpcap 1.8 pcap_compile() kept its state in globals.
Mutex compile_mutex;

int CompileLocked(pcap_t* handle, bpf_program* program, const std::string& text, int optimize) {
  // The netmask that `tcpdump -r` gives.
  MutexLock lock(compile_mutex);
  return pcap_compile(handle, program, text.c_str(), optimize, 0);
}

}  // namespace

void FilterProgram::Free::operator()(bpf_program* program) const {
  pcap_freecode(program);
  delete program;
}

Result<FilterProgram> FilterProgram::Compile(const std::string& text, LinkType link_type) {
  auto handle = OpenEmptyFile(link_type);
  if (!handle) return Fail(handle.error());
  std::unique_ptr<bpf_program, Free> program(new bpf_program{});
  // The optimizer takes a filter that nothing can pass for an error.
  if (CompileLocked(handle->get(), program.get(), text, 1) != 0 &&
      CompileLocked(handle->get(), program.get(), text, 0) != 0) {
    return Fail(ErrorKind::kInvalidInput, "filter \"" + text + "\": " + pcap_geterr(handle->get()));
  }
  return FilterProgram(std::move(program));
}

bool FilterProgram::Accepts(std::span<const uint8_t> bytes, uint32_t original_length) const {
  pcap_pkthdr header{};
  header.caplen = static_cast<bpf_u_int32>(bytes.size());
  header.len = original_length;
  return pcap_offline_filter(program_.get(), &header, bytes.data()) != 0;
}

}  // namespace dashcap
