#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_order.h"
#include "base/time.h"
#include "indexer/index_format.h"
#include "packet/flow_key.h"

namespace dashcap {

// Number of a flow within its blockfile, counted from 0 in order of first packets.
using FlowId = uint32_t;

enum class Direction : uint8_t { kForward = 0, kReverse = 1 };

// What the index keeps of one flow of one blockfile. Forward packets go from key.source to key.destination.
struct FlowRecord {
  FlowKey key;  // as the end that began it sees it
  bool initiator_known =
      false;  // a SYN without ACK was seen; otherwise the first packet's sender counts as the beginner
  Timestamp first_time{};
  Timestamp last_time{};
  std::array<uint64_t, 2> packets{};   // by Direction
  std::array<uint64_t, 2> bytes{};     // original lengths
  std::array<uint8_t, 2> tcp_flags{};  // all that were seen, or-ed
  bool operator==(const FlowRecord&) const = default;
};

// Visits every attribute under which a flow can be found, as kind and big-endian value; one may come twice.
template <std::invocable<KeyKind, std::span<const uint8_t>> Visit>
void ForEachAttribute(const FlowKey& key, Visit visit) {
  const auto visit16 = [&visit](KeyKind kind, uint16_t value) {
    std::array<uint8_t, 2> bytes;
    StoreBig16(bytes.data(), value);
    visit(kind, bytes);
  };
  const auto visit32 = [&visit](KeyKind kind, uint32_t value) {
    std::array<uint8_t, 4> bytes;
    StoreBig32(bytes.data(), value);
    visit(kind, bytes);
  };
  const auto visit_address = [&visit](const Address& address) {
    if (address.kind != AddressKind::kNone) visit(KindOf(address.kind), address.significant());
  };
  visit_address(key.source);
  visit_address(key.destination);
  visit16(KeyKind::kEtherType, key.ether_type);
  if (key.is_ip()) visit(KeyKind::kProtocol, std::span(&key.protocol, 1));
  if (key.has_ports) {
    visit16(KeyKind::kPort, key.source_port);
    visit16(KeyKind::kPort, key.destination_port);
  }
  EnvelopeReader envelope(key.envelope);
  while (const auto item = envelope.Next()) {
    const auto protocol = static_cast<uint8_t>(item->value);
    switch (item->kind) {
      case Envelope::kVlan:
        visit16(KeyKind::kVlan, static_cast<uint16_t>(item->value));
        break;
      case Envelope::kMpls:
        visit32(KeyKind::kMpls, item->value);
        break;
      case Envelope::kProtocol:
      case Envelope::kIpv4:
      case Envelope::kIpv6:
        visit(KeyKind::kProtocol, std::span(&protocol, 1));
        visit_address(item->source);
        visit_address(item->destination);
        break;
    }
  }
}

// The same, without repeats, sorted.
std::vector<Attribute> AttributesOf(const FlowKey& key);

// The first time is stored as its difference to `base`, which is small when that is the first time of the flow before.
void AppendFlowRecord(const FlowRecord& record, Timestamp base, std::string& out);
// Takes the record from the front of `in`; nullopt when damaged.
std::optional<FlowRecord> TakeFlowRecord(std::string_view& in, Timestamp base);

}  // namespace dashcap
