#include "daemon/arrival_counter.h"

#include <utility>

namespace dashcap {

Result<ArrivalCounter> ArrivalCounter::Open(const std::string& interface, unsigned interface_index,
                                            PacketFilter::Direction direction, std::optional<uint16_t> group,
                                            const FanoutOptions& fanout) {
  constexpr uint32_t kOneByte = 1;
  auto socket = PacketSocket::Open(interface);
  if (!socket) return Fail(socket.error());
  if (Status status = socket->Attach(PacketFilter::AcceptingProgram(kOneByte, direction)); !status)
    return Fail(status.error());
  if (Status status = socket->UseSmallestBuffer(); !status) return Fail(status.error());
  if (Status status = socket->Bind(interface_index); !status) return Fail(status.error());
  if (group) {
    if (Status status = JoinFanout(*socket, *group, fanout); !status) return Fail(status.error());
  }
  return ArrivalCounter(std::move(*socket));
}

}  // namespace dashcap
