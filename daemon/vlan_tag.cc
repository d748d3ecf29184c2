#include "daemon/vlan_tag.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include <cstring>

#include "base/byte_order.h"

namespace dashcap {

bool HasStrippedTag(const tpacket3_hdr& header) { return (header.tp_status & TP_STATUS_VLAN_VALID) != 0; }

uint16_t StrippedTpid(const tpacket3_hdr& header) {
  const bool known = (header.tp_status & TP_STATUS_VLAN_TPID_VALID) != 0;
  return known ? header.hv1.tp_vlan_tpid : uint16_t{ETH_P_8021Q};
}

uint16_t StrippedTci(const tpacket3_hdr& header) { return static_cast<uint16_t>(header.hv1.tp_vlan_tci); }

uint8_t* ReinsertTag(const tpacket3_hdr& header, uint8_t* bytes) {
  uint8_t* start = bytes - kVlanTagSize;
  std::memmove(start, bytes, 2 * ETH_ALEN);
  StoreBig16(start + 2 * ETH_ALEN, StrippedTpid(header));
  StoreBig16(start + 2 * ETH_ALEN + 2, StrippedTci(header));
  return start;
}

}  // namespace dashcap
