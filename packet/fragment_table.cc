#include "packet/fragment_table.h"

#include "base/byte_order.h"

namespace dashcap {
namespace {

constexpr size_t kEntries = 4096;  // a power of two

uint64_t Mix(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15;
  return hash ^ hash >> 32;
}

uint64_t MixAddress(uint64_t hash, const Address& address) {
  return Mix(Mix(hash, LoadLittle64(&address.bytes[0])), LoadLittle64(&address.bytes[8]));
}

// Timestamps are the capture's: anything, in any order.
bool Within(Nanoseconds limit, Timestamp a, Timestamp b) {
  int64_t distance;
  if (__builtin_sub_overflow(ToUnixNanoseconds(a), ToUnixNanoseconds(b), &distance)) return false;
  return -limit.count() <= distance && distance <= limit.count();
}

}  // namespace

// Which datagram a fragment belongs to: RFC 791 section 3.2 and RFC 8200 section 4.5, and what stands round it. RFC 791
// counts the protocol in; RFC 8200 doesn't, because only the first fragment knows the upper layer.
struct FragmentTable::Entry {
  Address source;
  Address destination;
  uint32_t id = 0;
  uint8_t protocol = 0;
  bool used = false;
  bool has_ports = false;
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
  Timestamp first_seen{};
  Envelope envelope;
};

FragmentTable::FragmentTable() : entries_(std::make_unique<Entry[]>(kEntries)) {}
FragmentTable::~FragmentTable() = default;
FragmentTable::FragmentTable(FragmentTable&&) noexcept = default;
FragmentTable& FragmentTable::operator=(FragmentTable&&) noexcept = default;

void FragmentTable::Resolve(Timestamp time, Decoded& decoded) {
  FlowKey& key = decoded.key;
  uint64_t hash = Mix(0, decoded.fragment.id);
  hash = MixAddress(MixAddress(hash, key.source), key.destination);
  Entry& entry = entries_[hash % kEntries];

  if (decoded.fragment.is_first) {
    entry = Entry{key.source,    key.destination, decoded.fragment.id,  key.protocol, true,
                  key.has_ports, key.source_port, key.destination_port, time,         key.envelope};
    return;
  }
  const bool same_datagram = entry.used && entry.id == decoded.fragment.id && entry.source == key.source &&
                             entry.destination == key.destination && entry.envelope == key.envelope &&
                             (key.ether_type == 0x86dd || entry.protocol == key.protocol);
  if (!same_datagram || !Within(kFragmentLifetime, time, entry.first_seen)) return;
  key.protocol = entry.protocol;
  key.has_ports = entry.has_ports;
  key.source_port = entry.source_port;
  key.destination_port = entry.destination_port;
}

}  // namespace dashcap
