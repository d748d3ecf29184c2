#include "daemon/filter_compiler.h"

#include <linux/if_packet.h>
#include <pcap/pcap.h>
#include <sys/socket.h>

#include <vector>

#include "daemon/pcap_source.h"

namespace dashcap {
namespace {

constexpr int kLongestPacket = 262144;

ErrorKind KindOf(int result) {
  switch (result) {
    case PCAP_ERROR_IFACE_NOT_UP:
      return ErrorKind::kUnavailable;
    case PCAP_ERROR_NO_SUCH_DEVICE:
      return ErrorKind::kNotFound;
    case PCAP_ERROR_PERM_DENIED:
    case PCAP_ERROR_PROMISC_PERM_DENIED:
      return ErrorKind::kPermissionDenied;
    default:
      return ErrorKind::kIo;
  }
}

tl::unexpected<Error> Refused(const std::string& interface, int result, pcap_t* handle) {
  const std::string name = "interface " + interface + ": ";
  const ErrorKind kind = KindOf(result);
  if (kind == ErrorKind::kUnavailable) return Fail(kind, name + "it is down");
  if (kind == ErrorKind::kNotFound) return Fail(kind, name + "no such device");
  if (kind == ErrorKind::kPermissionDenied)
    return Fail(kind, name + "capture: operation not permitted; run as root or with CAP_NET_RAW");
  const std::string detail = pcap_geterr(handle);
  return Fail(kind, name + pcap_statustostr(result) + (detail.empty() ? "" : ": " + detail));
}

// A socket that is bound to no protocol is handed no packet.
void StopReceiving(pcap_t* handle) {
  sockaddr_ll nothing{};
  nothing.sll_family = AF_PACKET;
  (void)::bind(pcap_fileno(handle), reinterpret_cast<const sockaddr*>(&nothing), sizeof nothing);
}

Result<std::vector<sock_filter>> CompileOn(pcap_t* handle, const std::string& text) {
  bpf_program program{};
  if (pcap_compile(handle, &program, text.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0)
    return Fail(ErrorKind::kInvalidInput, "filter \"" + text + "\": " + pcap_geterr(handle));
  const auto* code = reinterpret_cast<const sock_filter*>(program.bf_insns);
  std::vector<sock_filter> copy(code, code + program.bf_len);
  pcap_freecode(&program);
  return copy;
}

}  // namespace

void FilterCompiler::ClosePcap::operator()(pcap* handle) const { pcap_close(handle); }

Result<FilterCompiler> FilterCompiler::Open(const std::string& interface) {
  char message[PCAP_ERRBUF_SIZE] = "";
  FilterCompiler compiler;
  compiler.handle_.reset(pcap_create(interface.c_str(), message));
  pcap_t* handle = compiler.handle_.get();
  if (!handle) return Fail(ErrorKind::kIo, "interface " + interface + ": " + message);
  pcap_set_snaplen(handle, 64);
  pcap_set_buffer_size(handle, 1 << 16);
  if (const int result = pcap_activate(handle); result < 0) return Refused(interface, result, handle);
  StopReceiving(handle);
  const int dlt = pcap_datalink(handle);
  if (dlt == DLT_LINUX_SLL || dlt == DLT_LINUX_SLL2) {
    compiler.link_type_ = LinkType::kLinuxSll2;
    return compiler;
  }
  auto link_type = FileLinkType(dlt);
  if (!link_type) return Fail(link_type.error());
  compiler.link_type_ = *link_type;
  return compiler;
}

Result<PacketFilter> FilterCompiler::Compile(const std::string& text) const {
  if (text.empty()) return PacketFilter();
  // While capturing, libpcap looks for the outer VLAN tag beside the packet and not in it.
  using Handle = std::unique_ptr<pcap, ClosePcap>;
  const Handle made_up(cooked() ? pcap_open_dead(DLT_LINUX_SLL2, kLongestPacket) : nullptr);
  auto program = CompileOn(cooked() ? made_up.get() : handle_.get(), text);
  if (!program) return Fail(program.error());
  return PacketFilter(std::move(*program), cooked() ? PacketFilter::Runs::kHere : PacketFilter::Runs::kAnywhere);
}

}  // namespace dashcap
