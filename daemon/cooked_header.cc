#include "daemon/cooked_header.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>

#include <algorithm>
#include <cstring>

#include "base/byte_order.h"
#include "daemon/vlan_tag.h"

namespace dashcap {
namespace {

uint8_t* Prepend(const sockaddr_ll& from, uint16_t protocol, uint8_t* bytes) {
  uint8_t* start = bytes - kCookedHeaderSize;
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

}  // namespace

uint8_t* PrependCookedHeader(const sockaddr_ll& from, uint8_t* bytes) {
  return Prepend(from, ntohs(from.sll_protocol), bytes);
}

uint8_t* PrependTaggedCookedHeader(const sockaddr_ll& from, const tpacket3_hdr& record, uint8_t* bytes) {
  bytes -= kVlanTagSize;
  StoreBig16(bytes, StrippedTci(record));
  StoreBig16(bytes + 2, ntohs(from.sll_protocol));
  return Prepend(from, StrippedTpid(record), bytes);
}

}  // namespace dashcap
