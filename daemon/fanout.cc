#include "daemon/fanout.h"

#include <linux/if_packet.h>
#include <sys/socket.h>

#include <vector>

#include "daemon/fanout_program.h"
#include "daemon/packet_filter.h"

namespace dashcap {
namespace {

int KindOf(FanoutBy by) {
  switch (by) {
    case FanoutBy::kHosts:
      return PACKET_FANOUT_CBPF;
    case FanoutBy::kFlow:
      return PACKET_FANOUT_HASH;
    case FanoutBy::kCpu:
      return PACKET_FANOUT_CPU;
  }
  return PACKET_FANOUT_HASH;
}

}  // namespace

// The kernel gives numbers only to groups that have a member; they go round, so that this one isn't given again soon.
Result<uint16_t> ReserveFanoutGroup() {
  auto socket = PacketSocket::Open("any");
  if (!socket) return Fail(socket.error());
  const sock_filter nothing = PacketFilter::RejectAll();
  if (Status status = socket->Attach({&nothing, 1}); !status) return Fail(status.error());
  if (Status status = socket->Bind(0); !status) return Fail(status.error());
  const int unique = (PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_UNIQUEID) << 16;
  if (Status status = socket->Set(PACKET_FANOUT, unique, "fanout"); !status) return Fail(status.error());
  uint32_t group = 0;
  socklen_t size = sizeof group;
  if (::getsockopt(socket->fd(), SOL_PACKET, PACKET_FANOUT, &group, &size) != 0)
    return Fail(SystemError("fanout group"));
  return static_cast<uint16_t>(group);
}

Status JoinFanout(PacketSocket& socket, uint16_t group, const FanoutOptions& options) {
  const int kind = KindOf(options.by) | (options.rollover ? PACKET_FANOUT_FLAG_ROLLOVER : 0);
  if (Status status = socket.Set(PACKET_FANOUT, group | kind << 16, "fanout"); !status) return status;
  if (options.by != FanoutBy::kHosts) return {};
  std::vector<sock_filter> program = HostsProgram(options.ethernet);
  const sock_fprog dealing{static_cast<unsigned short>(program.size()), program.data()};
  return socket.Set(PACKET_FANOUT_DATA, dealing, "fanout program");
}

}  // namespace dashcap
