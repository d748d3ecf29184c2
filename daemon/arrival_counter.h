#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "daemon/fanout.h"
#include "daemon/packet_filter.h"
#include "daemon/packet_socket.h"

namespace dashcap {

// Counts the packets that an interface hands to its sockets, whatever a filter on another socket does with them: the kernel
// doesn't count what a filter rejects. It is a socket that wants everything and keeps nothing: its buffer is full after a
// packet or two, and what it then has no room for is only counted. Bound before the socket whose filter is in question, it
// sees each packet after that one. One thread.
class ArrivalCounter {
 public:
  // `group`: the lane's own share is counted, when the lanes' counters join in the lanes' order.
  static Result<ArrivalCounter> Open(const std::string& interface, unsigned interface_index,
                                     PacketFilter::Direction direction, std::optional<uint16_t> group,
                                     const FanoutOptions& fanout);

  // Since the last call. To be called before 2^32 packets have come.
  uint32_t Take() { return socket_.TakeStatistics().packets; }

 private:
  explicit ArrivalCounter(PacketSocket socket) : socket_(std::move(socket)) {}

  PacketSocket socket_;
};

}  // namespace dashcap
