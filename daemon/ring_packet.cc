#include "daemon/ring_packet.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include <algorithm>

#include "daemon/cooked_header.h"
#include "daemon/vlan_tag.h"

namespace dashcap {
namespace {

static_assert(kRingHeadroom >= kCookedHeaderSize + kVlanTagSize &&
              kRingHeadroom >= kCookedHeaderSize + PacketFilter::kRoom);

uint8_t* BytesOf(tpacket3_hdr& record) { return reinterpret_cast<uint8_t*>(&record) + record.tp_mac; }

const sockaddr_ll& AddressOf(const tpacket3_hdr& record) {
  return *reinterpret_cast<const sockaddr_ll*>(reinterpret_cast<const uint8_t*>(&record) +
                                               TPACKET_ALIGN(sizeof record));
}

uint8_t* StartOf(tpacket3_hdr& record, LinkType link_type) {
  uint8_t* bytes = BytesOf(record);
  if (link_type == LinkType::kLinuxSll2) {
    const sockaddr_ll& from = AddressOf(record);
    return HasStrippedTag(record) ? PrependTaggedCookedHeader(from, record, bytes) : PrependCookedHeader(from, bytes);
  }
  const bool has_place = link_type == LinkType::kEthernet && record.tp_snaplen >= 2 * ETH_ALEN;
  return has_place && HasStrippedTag(record) ? ReinsertTag(record, bytes) : bytes;
}

}  // namespace

Packet MakePacket(tpacket3_hdr& record, LinkType link_type, uint32_t snap_length) {
  uint8_t* start = StartOf(record, link_type);
  const auto added = static_cast<uint32_t>(BytesOf(record) - start);
  Packet packet;
  packet.timestamp = Timestamp(std::chrono::seconds(record.tp_sec) + Nanoseconds(record.tp_nsec));
  packet.original_length = record.tp_len + added;
  packet.link_type = link_type;
  packet.bytes = {start, std::min<size_t>(record.tp_snaplen + added, snap_length)};
  return packet;
}

bool IsWanted(tpacket3_hdr& record, LinkType link_type, const PacketFilter& filter) {
  const sockaddr_ll& from = AddressOf(record);
  uint8_t* bytes = BytesOf(record);
  uint8_t* start = link_type == LinkType::kLinuxSll2 ? PrependCookedHeader(from, bytes) : bytes;
  const auto added = static_cast<uint32_t>(bytes - start);
  return filter.Accepts({start, record.tp_snaplen + added}, record.tp_len + added,
                        {from.sll_pkttype, HasStrippedTag(record), StrippedTci(record)});
}

}  // namespace dashcap
