#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "packet/address.h"

// The keys of an index table, version 1: docs/index-format.md. One LevelDB table (sstable) per blockfile,
// ARCHIVE/LANE/START_NS.index, bytewise order, snappy, Bloom filter over whole keys. First byte of each key:
namespace dashcap {

inline constexpr uint32_t kIndexVersion = 1;

enum class KeyKind : uint8_t {
  kSummary = 0x00,    // -> TableSummary
  kDirectory = 0x01,  // -> all BlockSummaries, delta-coded
  // attribute + big-endian value -> ids of the flows that have it at any layer, ascending, delta-coded
  kIpv4 = 0x10,       // 4 bytes; also ARP's and RARP's protocol addresses
  kIpv6 = 0x11,       // 16 bytes
  kMac = 0x12,        // 6 bytes; only of flows that are neither IP nor ARP
  kPort = 0x13,       // u16, either end
  kProtocol = 0x14,   // u8, IP protocol at any layer
  kVlan = 0x15,       // u16
  kMpls = 0x16,       // u32
  kEtherType = 0x17,  // u16, innermost network layer
  // u32 flow id
  kFlow = 0x30,       // -> FlowRecord, with its postings when they are few
  kPostings = 0x31,   // + u32 number of the chunk's first packet -> chunk
};

// An attribute of a flow, as it stands in a key: kind and big-endian value.
struct Attribute {
  KeyKind kind = KeyKind::kSummary;
  std::string value;
  std::string key() const;
  auto operator<=>(const Attribute&) const = default;
};

Attribute AddressAttribute(const Address& address);
Attribute PortAttribute(uint16_t port);
Attribute ProtocolAttribute(uint8_t protocol);
Attribute VlanAttribute(uint16_t id);
Attribute MplsAttribute(uint32_t label);
Attribute EtherTypeAttribute(uint16_t type);

}  // namespace dashcap
