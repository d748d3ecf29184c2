#include "packet/flow_key.h"

#include <algorithm>
#include <utility>

namespace dashcap {
namespace {

constexpr size_t kPairOffset = 2;  // of the addresses in an item of an outer IP header

size_t AddressSize(uint8_t kind) { return kind == Envelope::kIpv4 ? 4 : 16; }

// 0 for a kind that there isn't.
size_t ItemSize(uint8_t kind) {
  switch (kind) {
    case Envelope::kVlan:
      return 3;
    case Envelope::kMpls:
      return 5;
    case Envelope::kProtocol:
      return 2;
    case Envelope::kIpv4:
    case Envelope::kIpv6:
      return kPairOffset + 2 * AddressSize(kind);
    default:
      return 0;
  }
}

bool IsEnvelope(std::span<const uint8_t> bytes) {
  if (bytes.size() > Envelope::kCapacity) return false;
  while (!bytes.empty()) {
    const size_t size = ItemSize(bytes[0]);
    if (size == 0 || size > bytes.size()) return false;
    if (bytes[0] == Envelope::kVlan && LoadBig16(&bytes[1]) > 0x0fff) return false;
    if (bytes[0] == Envelope::kMpls && LoadBig32(&bytes[1]) > 0x000fffff) return false;
    bytes = bytes.subspan(size);
  }
  return true;
}

Address ReadAddress(ByteReader& reader, Envelope::Kind kind) {
  if (kind == Envelope::kIpv4) return Address::Ipv4(reader.Bytes(4).first<4>());
  return Address::Ipv6(reader.Bytes(16).first<16>());
}

}  // namespace

bool Envelope::PushVlan(uint16_t id) {
  if (kCapacity - size_ < ItemSize(kVlan)) return false;
  bytes_[size_] = kVlan;
  StoreBig16(&bytes_[size_ + 1], id & 0x0fff);
  size_ += ItemSize(kVlan);
  return true;
}

bool Envelope::PushMpls(uint32_t label) {
  if (kCapacity - size_ < ItemSize(kMpls)) return false;
  bytes_[size_] = kMpls;
  StoreBig32(&bytes_[size_ + 1], label & 0x000fffff);
  size_ += ItemSize(kMpls);
  return true;
}

bool Envelope::PushProtocol(uint8_t protocol) {
  if (kCapacity - size_ < ItemSize(kProtocol)) return false;
  bytes_[size_] = kProtocol;
  bytes_[size_ + 1] = protocol;
  size_ += ItemSize(kProtocol);
  return true;
}

bool Envelope::PushIp(uint8_t protocol, const Address& source, const Address& destination) {
  const Kind kind = source.kind == AddressKind::kIpv4 ? kIpv4 : kIpv6;
  if (kCapacity - size_ < ItemSize(kind)) return false;
  uint8_t* item = &bytes_[size_];
  item[0] = kind;
  item[1] = protocol;
  std::memcpy(item + kPairOffset, source.bytes.data(), AddressSize(kind));
  std::memcpy(item + kPairOffset + AddressSize(kind), destination.bytes.data(), AddressSize(kind));
  size_ += ItemSize(kind);
  return true;
}

void Envelope::Reverse() {
  for (size_t at = 0; at < size_; at += ItemSize(bytes_[at])) {
    if (bytes_[at] != kIpv4 && bytes_[at] != kIpv6) continue;
    uint8_t* source = &bytes_[at + kPairOffset];
    uint8_t* destination = source + AddressSize(bytes_[at]);
    std::swap_ranges(source, destination, destination);
  }
}

bool Envelope::Assign(std::span<const uint8_t> bytes) {
  size_ = 0;
  if (!IsEnvelope(bytes)) return false;
  std::copy(bytes.begin(), bytes.end(), bytes_.begin());
  size_ = static_cast<uint8_t>(bytes.size());
  return true;
}

std::optional<EnvelopeItem> EnvelopeReader::Next() {
  if (reader_.empty()) return std::nullopt;
  EnvelopeItem item{static_cast<Envelope::Kind>(reader_.U8()), 0, {}, {}};
  switch (item.kind) {
    case Envelope::kVlan:
      item.value = reader_.Big16();
      break;
    case Envelope::kMpls:
      item.value = reader_.Big32();
      break;
    case Envelope::kProtocol:
      item.value = reader_.U8();
      break;
    case Envelope::kIpv4:
    case Envelope::kIpv6:
      item.value = reader_.U8();
      item.source = ReadAddress(reader_, item.kind);
      item.destination = ReadAddress(reader_, item.kind);
      break;
  }
  return item;
}

std::vector<EnvelopeItem> ItemsOf(const Envelope& envelope) {
  std::vector<EnvelopeItem> items;
  EnvelopeReader reader(envelope);
  while (const auto item = reader.Next()) items.push_back(*item);
  return items;
}

void Reverse(FlowKey& key) {
  std::swap(key.source, key.destination);
  std::swap(key.source_port, key.destination_port);
  if (!key.envelope.empty()) key.envelope.Reverse();
}

FlowKey Reversed(const FlowKey& key) {
  FlowKey reversed = key;
  Reverse(reversed);
  return reversed;
}

bool EnvelopeInOrder(const Envelope& envelope) {
  Envelope reversed = envelope;
  reversed.Reverse();
  return std::memcmp(envelope.bytes().data(), reversed.bytes().data(), envelope.bytes().size()) <= 0;
}

}  // namespace dashcap
