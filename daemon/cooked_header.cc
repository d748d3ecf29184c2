#include "daemon/cooked_header.h"

#include <arpa/inet.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include <algorithm>
#include <cstring>

#include "base/byte_order.h"

namespace dashcap {
namespace {

bool HasEthernetHeader(const sockaddr_ll& from) {
  return from.sll_hatype == ARPHRD_ETHER || from.sll_hatype == ARPHRD_LOOPBACK;
}

}  // namespace

size_t LinkHeaderSize(const tpacket3_hdr& record, const sockaddr_ll& from) {
  const size_t size = HasEthernetHeader(from) ? ETH_HLEN : record.tp_net - record.tp_mac;
  return std::min<size_t>(size, record.tp_snaplen);
}

uint16_t ProtocolOf(const tpacket3_hdr& record, const sockaddr_ll& from) {
  const uint16_t said = ntohs(from.sll_protocol);
  if (!HasEthernetHeader(from) || record.tp_snaplen < ETH_HLEN) return said;
  const auto* bytes = reinterpret_cast<const uint8_t*>(&record) + record.tp_mac;
  const uint16_t type = LoadBig16(bytes + 2 * ETH_ALEN);
  return type >= ETH_P_802_3_MIN ? type : said;
}

uint8_t* PrependCookedHeader(const sockaddr_ll& from, uint16_t protocol, uint8_t* payload) {
  uint8_t* start = payload - kCookedHeaderSize;
  StoreBig16(start, protocol);
  StoreBig16(start + 2, 0);
  StoreBig32(start + 4, static_cast<uint32_t>(from.sll_ifindex));
  StoreBig16(start + 8, from.sll_hatype);
  start[10] = from.sll_pkttype;
  start[11] = from.sll_halen;
  std::fill_n(start + 12, sizeof from.sll_addr, uint8_t{0});
  std::memcpy(start + 12, from.sll_addr, std::min<size_t>(from.sll_halen, sizeof from.sll_addr));
  return start;
}

}  // namespace dashcap
