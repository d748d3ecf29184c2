#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "packet/address.h"

// The keys of an index table, version 1: docs/index-format.md. One LevelDB table (sstable) per blockfile,
// ARCHIVE/LANE/START_NS.index, bytewise order, snappy. What decides whether a table matters to a query has the last
// keys, so that it lies at the end of the file, beside LevelDB's own index, and comes with it in one read.
namespace dashcap {

inline constexpr uint32_t kIndexVersion = 1;

enum class KeyKind : uint8_t {
  // attribute + big-endian value -> ids of the flows that have it at any layer, ascending, delta-coded
  kIpv4 = 0x10,       // 4 bytes; also ARP's and RARP's protocol addresses
  kIpv6 = 0x11,       // 16 bytes
  kMac = 0x12,        // 6 bytes; only of flows that are neither IP nor ARP
  kPort = 0x13,       // u16, either end
  kProtocol = 0x14,   // u8, IP protocol at any layer
  kVlan = 0x15,       // u16
  kMpls = 0x16,       // u32
  kEtherType = 0x17,  // u16, of the network layer at any depth
  kFlows = 0x30,      // u32 flow id, a multiple of kFlowsPerGroup -> the FlowGroup that begins with it
  kPostings = 0x31,   // u32 flow id, u32 number of the chunk's first packet -> chunk
  // nothing more in the key
  kFilter = 0xf0,     // -> Bloom filter over the attribute keys, when there are at most kMaxFilterKeys
  kDirectory = 0xf1,  // -> all BlockSummaries, delta-coded
  kSummary = 0xf2,    // -> TableSummary
};

inline constexpr KeyKind kFirstAttribute = KeyKind::kIpv4;
inline constexpr size_t kAttributeKinds = 8;
// Bytes of an attribute's value.
constexpr size_t AttributeSize(KeyKind kind) {
  switch (kind) {
    case KeyKind::kIpv4:
    case KeyKind::kMpls:
      return 4;
    case KeyKind::kIpv6:
      return 16;
    case KeyKind::kMac:
      return 6;
    case KeyKind::kPort:
    case KeyKind::kVlan:
    case KeyKind::kEtherType:
      return 2;
    case KeyKind::kProtocol:
      return 1;
    default:
      return 0;
  }
}

inline constexpr size_t kFilterBitsPerKey = 10;
inline constexpr size_t kMaxFilterKeys = 64 * 1024;
inline constexpr uint32_t kFlowsPerGroup = 16;
// A flow's postings stand in its group when they take no more bytes than this.
inline constexpr size_t kMaxInlinePostings = 128;

// Of an address; what is no IP address is a MAC.
KeyKind KindOf(AddressKind kind);

std::string SingleKey(KeyKind kind);
// Of the group in which the flow is.
std::string FlowGroupKey(uint32_t flow_id);
std::string PostingsKey(uint32_t flow_id, uint32_t first_packet_number);

// An attribute of a flow, as it stands in a key: kind and big-endian value.
struct Attribute {
  KeyKind kind = KeyKind::kIpv4;
  std::string value;
  std::string key() const;
  auto operator<=>(const Attribute&) const = default;
};

// Requires: the address is one.
Attribute AddressAttribute(const Address& address);
Attribute PortAttribute(uint16_t port);
Attribute ProtocolAttribute(uint8_t protocol);
Attribute VlanAttribute(uint16_t id);
Attribute MplsAttribute(uint32_t label);
Attribute EtherTypeAttribute(uint16_t type);

}  // namespace dashcap
