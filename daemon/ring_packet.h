#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "daemon/packet_filter.h"
#include "packet/packet.h"

struct tpacket3_hdr;

namespace dashcap {

// Bytes that MakePacket() may write in front of a packet in the ring.
inline constexpr size_t kRingHeadroom = 40;

// The packet of a ring's record, as it was on the wire: the outer VLAN tag, which the kernel takes off, is put back in
// place. One of kLinuxSll2 gets that header for its own. Nothing if the filter, which there may be, does not accept it; it
// judges as in the kernel, where the tag is not in the packet. Valid as long as the record. To be called once for each.
std::optional<Packet> MakePacket(tpacket3_hdr& record, LinkType link_type, uint32_t snap_length,
                                 const PacketFilter* filter);

}  // namespace dashcap
