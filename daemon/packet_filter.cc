#include "daemon/packet_filter.h"

#include <linux/if_packet.h>
#include <pcap/pcap.h>

#include <cstring>
#include <memory>

namespace dashcap {
namespace {

static_assert(sizeof(sock_filter) == sizeof(bpf_insn), "libpcap's instructions are the kernel's");

struct ClosePcap {
  void operator()(pcap_t* handle) const { pcap_close(handle); }
};
using PcapHandle = std::unique_ptr<pcap_t, ClosePcap>;

// libpcap's view of the interface; it captures next to nothing and lives only as long as it compiles.
Result<PcapHandle> OpenForCompiling(const std::string& interface) {
  char message[PCAP_ERRBUF_SIZE] = "";
  PcapHandle handle(pcap_create(interface.c_str(), message));
  if (!handle) return Fail(ErrorKind::kIo, "interface " + interface + ": " + message);
  pcap_set_snaplen(handle.get(), 64);
  pcap_set_buffer_size(handle.get(), 1 << 16);
  if (pcap_activate(handle.get()) < 0) {
    return Fail(ErrorKind::kIo, "interface " + interface + ": " + pcap_geterr(handle.get()));
  }
  return handle;
}

}  // namespace

Result<PacketFilter> PacketFilter::Compile(const std::string& text, const std::string& interface, LinkType link_type,
                                           uint32_t snap_length) {
  PacketFilter filter;
  if (text.empty()) {
    filter.program_ = {CutTo(snap_length)};
    return filter;
  }
  auto handle = OpenForCompiling(interface);
  if (!handle) return Fail(handle.error());
  const int seen_by_libpcap = pcap_datalink(handle->get());
  const int expected = link_type == LinkType::kRaw ? DLT_RAW : static_cast<int>(link_type);
  if (seen_by_libpcap != expected) {
    return Fail(ErrorKind::kInvalidInput, "interface " + interface + ": filters are not supported on its link type");
  }
  bpf_program program{};
  if (pcap_compile(handle->get(), &program, text.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0) {
    return Fail(ErrorKind::kInvalidInput, "filter \"" + text + "\": " + pcap_geterr(handle->get()));
  }
  filter.program_.resize(program.bf_len);
  std::memcpy(filter.program_.data(), program.bf_insns, program.bf_len * sizeof(sock_filter));
  pcap_freecode(&program);
  // Accepting instructions return libpcap's snap length; ours counts.
  for (sock_filter& instruction : filter.program_) {
    if (instruction.code == (BPF_RET | BPF_K) && instruction.k != 0) instruction.k = snap_length;
  }
  return filter;
}

std::vector<sock_filter> PacketFilter::RejectOutgoing() {
  return {{BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<uint32_t>(SKF_AD_OFF + SKF_AD_PKTTYPE)},
          {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, PACKET_OUTGOING},
          RejectAll()};
}

bool PacketFilter::Accepts(std::span<const uint8_t> bytes, uint32_t original_length) const {
  return bpf_filter(reinterpret_cast<const bpf_insn*>(program_.data()), bytes.data(), original_length,
                    static_cast<u_int>(bytes.size())) != 0;
}

}  // namespace dashcap
