#include "daemon/fanout.h"

#include <linux/if_packet.h>
#include <sys/socket.h>

#include <vector>

#include "daemon/fanout_program.h"

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

Status Join(PacketSocket& socket, uint16_t group, int flags, const FanoutOptions& options) {
  if (options.rollover) flags |= PACKET_FANOUT_FLAG_ROLLOVER;
  if (Status status = socket.Set(PACKET_FANOUT, group | (KindOf(options.by) | flags) << 16, "fanout"); !status)
    return status;
  if (options.by != FanoutBy::kHosts) return {};
  std::vector<sock_filter> program = HostsProgram(options.ethernet);
  const sock_fprog dealing{static_cast<unsigned short>(program.size()), program.data()};
  return socket.Set(PACKET_FANOUT_DATA, dealing, "fanout program");
}

}  // namespace

Result<uint16_t> StartFanout(PacketSocket& socket, const FanoutOptions& options) {
  if (Status status = Join(socket, 0, PACKET_FANOUT_FLAG_UNIQUEID, options); !status) return Fail(status.error());
  uint32_t group = 0;
  socklen_t size = sizeof group;
  if (::getsockopt(socket.fd(), SOL_PACKET, PACKET_FANOUT, &group, &size) != 0)
    return Fail(SystemError(socket.name() + ": fanout"));
  return static_cast<uint16_t>(group);
}

Status JoinFanout(PacketSocket& socket, uint16_t group, const FanoutOptions& options) {
  return Join(socket, group, 0, options);
}

}  // namespace dashcap
