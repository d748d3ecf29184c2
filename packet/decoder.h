#pragma once

#include <cstdint>
#include <span>

#include "packet/flow_key.h"
#include "packet/link_type.h"

namespace dashcap {

// Where decoding ended, for counters and for printing; never a reason not to store or index a packet.
enum class DecodeEnd : uint8_t {
  kTransport,  // all the way: ports read, or a protocol that has none
  kFragment,   // a later fragment: its ports are in the datagram's first one
  kUnknown,    // a layer that we don't decode
  kTruncated,  // the packet ends inside a header
  kMalformed,  // a header contradicts itself (IPv4 header length below 20 …)
  kTooDeep,    // more nesting than an envelope holds
};

// IP fragmentation (RFC 791, RFC 8200 section 4.5) of the innermost IP header.
struct Fragment {
  bool is_fragment = false;
  bool is_first = false;  // offset 0: it carries the ports
  uint32_t id = 0;
};

struct Decoded {
  FlowKey key;
  Fragment fragment;
  DecodeEnd end = DecodeEnd::kUnknown;
  uint8_t tcp_flags = 0;  // RFC 9293 byte 13; 0 when not TCP
  Address mac_source;     // Ethernet and the like; kNone elsewhere
  Address mac_destination;
  uint16_t payload_offset = 0;  // first byte behind the innermost decoded header
};

// What the index and the filters know of a packet. Bytes may be anything and cut anywhere; the answer is then what was
// sound. Does not allocate. Any thread.
//
// Layers: Ethernet (RFC 894, IEEE 802.3 LLC/SNAP), 802.1Q/802.1ad/QinQ (TPIDs 8100, 88a8, 9100, 9200, 9300), MPLS
// (RFC 3032, first nibble tells what is inside, RFC 4928), IPv4, IPv6 with extension headers, AH (RFC 4302),
// IP in IP (protocols 4 and 41), TCP, UDP, UDP-Lite, SCTP, ICMP, ICMPv6, ARP, RARP.
void Decode(LinkType link_type, std::span<const uint8_t> bytes, Decoded& out);

// Whether Decode knows the link type; of packets of any other it learns nothing.
bool Decodes(LinkType link_type);

// Whether Decode goes on behind such an EtherType, so that a key has what follows in its place: tags and labels.
bool IsPassedThrough(uint16_t ether_type);

inline Decoded Decode(LinkType link_type, std::span<const uint8_t> bytes) {
  Decoded out;
  Decode(link_type, bytes, out);
  return out;
}

}  // namespace dashcap
