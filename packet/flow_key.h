#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <tuple>
#include <vector>

#include "base/byte_order.h"
#include "base/byte_reader.h"
#include "packet/address.h"

namespace dashcap {

// What stands round the innermost conversation of a packet, outermost first: VLAN tags, MPLS labels, and the headers
// of outer IP packets. Kept as a short string of bytes so that it can be compared and stored at once:
//   kind (1 byte), then kVlan: TCI & 0x0fff, big-endian u16 | kMpls: label, big-endian u32
//                  | kProtocol: u8, an IP protocol that was passed through inside one IP packet (AH)
//                  | kIpv4: protocol u8, source 4, destination 4 | kIpv6: protocol u8, source 16, destination 16
// A layer that would not fit is not entered and the decoder stops there: the packet is then known by what lies outside.
class Envelope {
 public:
  static constexpr size_t kCapacity = 118;
  enum Kind : uint8_t { kVlan = 1, kMpls = 2, kProtocol = 3, kIpv4 = 4, kIpv6 = 6 };

  std::span<const uint8_t> bytes() const { return {bytes_.data(), size_}; }
  bool empty() const { return size_ == 0; }
  void clear() { size_ = 0; }

  // False, and nothing changed, when there is no room.
  bool PushVlan(uint16_t id);
  bool PushMpls(uint32_t label);
  bool PushProtocol(uint8_t protocol);
  bool PushIp(uint8_t protocol, const Address& source, const Address& destination);

  // Swaps source and destination of every outer IP header.
  void Reverse();

  // False when the bytes are not an envelope; then *this is empty.
  bool Assign(std::span<const uint8_t> bytes);

  bool operator==(const Envelope& other) const {
    return size_ == other.size_ && std::memcmp(bytes_.data(), other.bytes_.data(), size_) == 0;
  }

 private:
  std::array<uint8_t, kCapacity> bytes_;  // only the first size_ are set
  uint8_t size_ = 0;
};

struct EnvelopeItem {
  Envelope::Kind kind;
  uint32_t value;  // VLAN id, MPLS label, or IP protocol
  Address source;  // kIpv4, kIpv6
  Address destination;
};
std::vector<EnvelopeItem> ItemsOf(const Envelope& envelope);

// The same one by one, without allocating.
class EnvelopeReader {
 public:
  explicit EnvelopeReader(const Envelope& envelope) : reader_(envelope.bytes()) {}
  std::optional<EnvelopeItem> Next();

 private:
  ByteReader reader_;
};

// Which conversation a packet belongs to, in the direction of that packet: the innermost addresses, protocol and ports
// that the decoder reached, and the envelope round them. The two directions of a flow have keys that are each other's
// Reversed(). For ARP and RARP the addresses are the protocol addresses (sender, target); for what is neither IP nor
// ARP they are MACs.
struct FlowKey {
  Address source;
  Address destination;
  uint16_t source_port = 0;  // TCP, UDP, UDP-Lite, SCTP, when has_ports
  uint16_t destination_port = 0;
  uint16_t ether_type = 0;  // of the innermost network layer: 0x0800, 0x86dd, 0x0806 …; 0 for LLC or when unknown
  uint8_t protocol = 0;     // innermost IP protocol (IANA), the upper layer behind IPv6 extension headers; 0 if not IP
  bool has_ports = false;
  Envelope envelope;

  bool is_ip() const { return ether_type == 0x0800 || ether_type == 0x86dd; }
  bool operator==(const FlowKey&) const = default;
};

void Reverse(FlowKey& key);
FlowKey Reversed(const FlowKey& key);

// Whether two keys of opposite directions, whose ends don't tell them apart, are in order by their envelopes.
bool EnvelopeInOrder(const Envelope& envelope);

// Puts the key into the order that both directions of a flow share (the lower address first, then the lower port); true
// when that reversed it. A packet whose two ends are equal in everything is in order already.
inline bool Canonicalize(FlowKey& key) {
  const auto rank = [](const Address& address, uint16_t port) {
    return std::tuple(LoadBig64(address.bytes.data()), LoadBig64(address.bytes.data() + 8), address.kind, port);
  };
  const auto order = rank(key.source, key.source_port) <=> rank(key.destination, key.destination_port);
  if (order < 0 || (order == 0 && EnvelopeInOrder(key.envelope))) return false;
  Reverse(key);
  return true;
}

}  // namespace dashcap
