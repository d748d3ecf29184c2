#pragma once

#include <cstddef>
#include <cstdint>

#include "daemon/packet_filter.h"
#include "packet/packet.h"

struct tpacket3_hdr;

namespace dashcap {

// Bytes that these functions may write in front of a packet in the ring.
inline constexpr size_t kRingHeadroom = 32;

// The packet of a ring's record, as it was on the wire: the outer VLAN tag, which the kernel takes off, is put back in
// place. One of kLinuxSll2 gets its header made. Valid as long as the record; to be called once for each, and last.
Packet MakePacket(tpacket3_hdr& record, LinkType link_type, uint32_t snap_length);

// What the filter says of it, as it would in the kernel.
bool IsWanted(tpacket3_hdr& record, LinkType link_type, const PacketFilter& filter);

}  // namespace dashcap
