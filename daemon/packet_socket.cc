#include "daemon/packet_socket.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

namespace dashcap {

Result<PacketSocket> PacketSocket::Open(const std::string& interface) {
  PacketSocket socket;
  socket.name_ = "interface " + interface;
  socket.fd_ = FileDescriptor(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  if (socket.fd_.valid()) return socket;
  Error error = SystemError(socket.name_ + ": capture");
  if (error.kind == ErrorKind::kPermissionDenied) error.message += "; run as root or with CAP_NET_RAW";
  return Fail(error);
}

Status PacketSocket::SetOption(int level, int option, const void* value, socklen_t size, const char* what) {
  if (::setsockopt(fd(), level, option, value, size) == 0) return {};
  return Fail(SystemError(name_ + ": " + what));
}

Status PacketSocket::Attach(std::span<const sock_filter> program) {
  const sock_fprog attached{static_cast<unsigned short>(program.size()), const_cast<sock_filter*>(program.data())};
  return SetOption(SOL_SOCKET, SO_ATTACH_FILTER, &attached, sizeof attached, "attach filter");
}

Status PacketSocket::LockFilter() {
  const int on = 1;
  return SetOption(SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof on, "lock filter");
}

Status PacketSocket::UseSmallestBuffer() {
  const int bytes = 0;
  return SetOption(SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes, "receive buffer");
}

Status PacketSocket::Bind(unsigned interface_index) {
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(interface_index);
  if (::bind(fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return {};
  return Fail(SystemError(name_));
}

Status PacketSocket::SetPromiscuous(unsigned interface_index) {
  packet_mreq membership{};
  membership.mr_ifindex = static_cast<int>(interface_index);
  membership.mr_type = PACKET_MR_PROMISC;
  return Set(PACKET_ADD_MEMBERSHIP, membership, "promiscuous mode");
}

int PacketSocket::TakeError() {
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(fd(), SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

// The kernel's counters start again from zero each time they are read.
PacketSocket::Statistics PacketSocket::TakeStatistics() {
  tpacket_stats_v3 statistics{};
  socklen_t size = sizeof statistics;
  if (::getsockopt(fd(), SOL_PACKET, PACKET_STATISTICS, &statistics, &size) != 0) return {};
  return {statistics.tp_packets, statistics.tp_drops, statistics.tp_freeze_q_cnt};
}

}  // namespace dashcap
