#pragma once

#include <cstddef>
#include <cstdint>

struct sockaddr_ll;
struct tpacket3_hdr;

namespace dashcap {

// What an interface whose packets have no link header of their own gets: LINKTYPE_LINUX_SLL2 of
// tcpdump.org/linktypes.html.
inline constexpr size_t kCookedHeaderSize = 20;

// Puts the header in front of the packet. Gives the packet's new start. Requires: kCookedHeaderSize bytes before `bytes`
// are free.
uint8_t* PrependCookedHeader(const sockaddr_ll& from, uint8_t* bytes);

// The same with the VLAN tag that the kernel took off in between; its TPID becomes the protocol. Requires: kVlanTagSize
// bytes more are free.
uint8_t* PrependTaggedCookedHeader(const sockaddr_ll& from, const tpacket3_hdr& record, uint8_t* bytes);

}  // namespace dashcap
