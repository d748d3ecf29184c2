#include "indexer/index_format.h"

#include <cassert>

#include "base/byte_order.h"

namespace dashcap {
namespace {

std::string Big16(uint16_t value) {
  std::string bytes(2, '\0');
  StoreBig16(reinterpret_cast<uint8_t*>(bytes.data()), value);
  return bytes;
}

std::string Big32(uint32_t value) {
  std::string bytes(4, '\0');
  StoreBig32(reinterpret_cast<uint8_t*>(bytes.data()), value);
  return bytes;
}

}  // namespace

KeyKind KindOf(AddressKind kind) {
  switch (kind) {
    case AddressKind::kIpv4:
      return KeyKind::kIpv4;
    case AddressKind::kIpv6:
      return KeyKind::kIpv6;
    default:
      return KeyKind::kMac;
  }
}

std::string SingleKey(KeyKind kind) { return std::string(1, static_cast<char>(kind)); }

std::string FlowGroupKey(uint32_t flow_id) {
  return SingleKey(KeyKind::kFlows) + Big32(flow_id - flow_id % kFlowsPerGroup);
}

std::string PostingsKey(uint32_t flow_id, uint32_t first_packet_number) {
  return SingleKey(KeyKind::kPostings) + Big32(flow_id) + Big32(first_packet_number);
}

std::string Attribute::key() const { return SingleKey(kind) + value; }

Attribute AddressAttribute(const Address& address) {
  assert(address.kind != AddressKind::kNone);
  const std::span<const uint8_t> bytes = address.significant();
  return {KindOf(address.kind), std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size())};
}

Attribute PortAttribute(uint16_t port) { return {KeyKind::kPort, Big16(port)}; }
Attribute ProtocolAttribute(uint8_t protocol) {
  return {KeyKind::kProtocol, std::string(1, static_cast<char>(protocol))};
}
Attribute VlanAttribute(uint16_t id) { return {KeyKind::kVlan, Big16(id)}; }
Attribute MplsAttribute(uint32_t label) { return {KeyKind::kMpls, Big32(label)}; }
Attribute EtherTypeAttribute(uint16_t type) { return {KeyKind::kEtherType, Big16(type)}; }

}  // namespace dashcap
