#include "daemon/ring_packet.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include <algorithm>

#include "base/byte_order.h"
#include "daemon/cooked_header.h"
#include "daemon/vlan_tag.h"

namespace dashcap {
namespace {

static_assert(kRingHeadroom >= kCookedHeaderSize + kVlanTagSize + PacketFilter::kRoom);

struct View {
  uint8_t* start = nullptr;
  uint32_t captured = 0;
  uint32_t original = 0;

  void GrowTo(uint8_t* new_start) {
    const auto added = static_cast<uint32_t>(start - new_start);
    start = new_start;
    captured += added;
    original += added;
  }
  void Drop(size_t bytes) {
    start += bytes;
    captured -= static_cast<uint32_t>(bytes);
    original -= static_cast<uint32_t>(bytes);
  }
};

const sockaddr_ll& AddressOf(const tpacket3_hdr& record) {
  return *reinterpret_cast<const sockaddr_ll*>(reinterpret_cast<const uint8_t*>(&record) +
                                               TPACKET_ALIGN(sizeof record));
}

bool Accepts(const PacketFilter* filter, const View& view, const tpacket3_hdr& record) {
  if (!filter) return true;
  const PacketFilter::Ancillary ancillary{AddressOf(record).sll_pkttype, HasStrippedTag(record), StrippedTci(record)};
  return filter->Accepts({view.start, view.captured}, view.original, ancillary);
}

// False: not wanted.
bool Restore(const tpacket3_hdr& record, LinkType link_type, const PacketFilter* filter, View& view) {
  if (!Accepts(filter, view, record)) return false;
  if (HasStrippedTag(record) && link_type == LinkType::kEthernet && view.captured >= 2 * ETH_ALEN)
    view.GrowTo(ReinsertTag(record, view.start));
  return true;
}

bool Cook(const tpacket3_hdr& record, const PacketFilter* filter, View& view) {
  const sockaddr_ll& from = AddressOf(record);
  const uint16_t protocol = ProtocolOf(record, from);
  view.Drop(LinkHeaderSize(record, from));
  uint8_t* payload = view.start;
  view.GrowTo(PrependCookedHeader(from, protocol, payload));
  if (!Accepts(filter, view, record)) return false;
  if (!HasStrippedTag(record)) return true;
  payload -= kVlanTagSize;
  StoreBig16(payload, StrippedTci(record));
  StoreBig16(payload + 2, protocol);
  view.GrowTo(PrependCookedHeader(from, StrippedTpid(record), payload));
  return true;
}

}  // namespace

std::optional<Packet> MakePacket(tpacket3_hdr& record, LinkType link_type, uint32_t snap_length,
                                 const PacketFilter* filter) {
  View view{reinterpret_cast<uint8_t*>(&record) + record.tp_mac, record.tp_snaplen, record.tp_len};
  const bool wanted =
      link_type == LinkType::kLinuxSll2 ? Cook(record, filter, view) : Restore(record, link_type, filter, view);
  if (!wanted) return std::nullopt;
  Packet packet;
  packet.timestamp = Timestamp(std::chrono::seconds(record.tp_sec) + Nanoseconds(record.tp_nsec));
  packet.original_length = view.original;
  packet.link_type = link_type;
  packet.bytes = {view.start, std::min(view.captured, snap_length)};
  return packet;
}

}  // namespace dashcap
