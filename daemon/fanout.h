#pragma once

#include <cstdint>

#include "daemon/packet_socket.h"

namespace dashcap {

// What decides which of an interface's lanes a packet goes to.
enum class FanoutBy {
  kHosts,  // the two addresses in either order: what two hosts say to each other, fragments included, is in one lane
  kFlow,   // the kernel's flow hash, with ports: spreads better, and splits some flows
  kCpu,    // the CPU that received it: as the network card spreads
};

struct FanoutOptions {
  FanoutBy by = FanoutBy::kHosts;
  bool rollover = false;  // a packet goes to another lane when the ring of its own is full
  bool ethernet = true;   // packets have MAC headers
};

// A number for a group of sockets among which the kernel deals packets (PACKET_FANOUT of packet(7)), which no other group
// has.
Result<uint16_t> ReserveFanoutGroup();

// Adds a member to the group; the first one makes it, anew if it had members before. All are of one interface, and are
// dealt packets by the order in which they came. Requires: the socket is bound.
Status JoinFanout(PacketSocket& socket, uint16_t group, const FanoutOptions& options);

}  // namespace dashcap
