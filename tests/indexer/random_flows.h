#pragma once

#include <algorithm>
#include <random>

#include "indexer/flow_record.h"
#include "packet/decoder.h"

namespace dashcap {

inline Address RandomAddress(std::mt19937_64& random, AddressKind kind) {
  Address address;
  address.kind = kind;
  for (size_t i = 0; i < address.size(); i++) address.bytes[i] = static_cast<uint8_t>(random() % 3);
  return address;
}

// From so few values that ends, directions and tags collide.
inline FlowKey RandomKey(std::mt19937_64& random) {
  FlowKey key;
  const AddressKind kind =
      std::array{AddressKind::kIpv4, AddressKind::kIpv6, AddressKind::kMac, AddressKind::kNone}[random() % 4];
  key.source = RandomAddress(random, kind);
  key.destination = RandomAddress(random, kind);
  if (kind == AddressKind::kIpv4 || kind == AddressKind::kIpv6) {
    key.ether_type = kind == AddressKind::kIpv4 ? 0x0800 : 0x86dd;
    key.protocol = std::array<uint8_t, 3>{6, 17, 1}[random() % 3];
    key.has_ports = key.protocol != 1;
    if (key.has_ports) {
      key.source_port = static_cast<uint16_t>(random() % 3);
      key.destination_port = static_cast<uint16_t>(random() % 3);
    }
  } else {
    key.ether_type = static_cast<uint16_t>(0x88b5 + random() % 2);
  }
  if (random() % 4 == 0) key.envelope.PushVlan(static_cast<uint16_t>(random() % 3));
  if (random() % 8 == 0) key.envelope.PushMpls(static_cast<uint32_t>(random() % 3));
  if (random() % 8 == 0) {
    key.envelope.PushIp(4, RandomAddress(random, AddressKind::kIpv4), RandomAddress(random, AddressKind::kIpv4));
  }
  return key;
}

}  // namespace dashcap
