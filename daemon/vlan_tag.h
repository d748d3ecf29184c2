#pragma once

#include <cstddef>
#include <cstdint>

struct tpacket3_hdr;

namespace dashcap {

inline constexpr size_t kVlanTagSize = 4;

// The outer VLAN tag, which the kernel takes off the packet and puts into the header of the ring's record.
bool HasStrippedTag(const tpacket3_hdr& header);
uint16_t StrippedTpid(const tpacket3_hdr& header);
uint16_t StrippedTci(const tpacket3_hdr& header);

// Puts the tag back behind the MAC addresses, which move to the front. Gives the packet's new start. Requires: the bytes
// hold both MAC addresses, and kVlanTagSize bytes before them are free.
uint8_t* ReinsertTag(const tpacket3_hdr& header, uint8_t* bytes);

}  // namespace dashcap
