#include "indexer/flow_record.h"

#include <algorithm>

#include "base/byte_order.h"
#include "indexer/varint.h"

namespace dashcap {
namespace {

// The first byte of a record: kinds of the two addresses in bits 0-1 and 2-3, then these.
constexpr uint8_t kHasPorts = 0x10;
constexpr uint8_t kInitiatorKnown = 0x20;
constexpr uint8_t kHasEnvelope = 0x40;
constexpr uint8_t kBothWays = 0x80;

void AppendBytes(std::span<const uint8_t> bytes, std::string& out) {
  out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

void AppendBig16(uint16_t value, std::string& out) {
  out.push_back(static_cast<char>(value >> 8));
  out.push_back(static_cast<char>(value));
}

// Reads what was appended. After a failure everything reads as zero.
class RecordReader {
 public:
  explicit RecordReader(std::string_view in) : in_(in) {}

  uint8_t U8() { return Take(1) ? static_cast<uint8_t>(taken_[0]) : 0; }
  uint16_t Big16() { return Take(2) ? LoadBig16(reinterpret_cast<const uint8_t*>(taken_.data())) : uint16_t{0}; }
  uint64_t Varint() {
    const auto value = TakeVarint(in_);
    if (!value) failed_ = true;
    return value.value_or(0);
  }
  std::span<const uint8_t> Bytes(size_t count) {
    if (!Take(count)) return {};
    return {reinterpret_cast<const uint8_t*>(taken_.data()), count};
  }
  void Fail() { failed_ = true; }

  bool failed() const { return failed_; }
  std::string_view rest() const { return in_; }

 private:
  bool Take(size_t count) {
    if (failed_ || in_.size() < count) {
      failed_ = true;
      return false;
    }
    taken_ = in_.substr(0, count);
    in_.remove_prefix(count);
    return true;
  }

  std::string_view in_;
  std::string_view taken_;
  bool failed_ = false;
};

Address TakeAddress(RecordReader& in, uint8_t kind) {
  Address address;
  address.kind = static_cast<AddressKind>(kind & 3);
  const auto bytes = in.Bytes(address.size());
  std::copy(bytes.begin(), bytes.end(), address.bytes.begin());
  return address;
}

uint64_t Unsigned(Timestamp time) { return static_cast<uint64_t>(ToUnixNanoseconds(time)); }

}  // namespace

std::vector<Attribute> AttributesOf(const FlowKey& key) {
  std::vector<Attribute> attributes;
  ForEachAttribute(key, [&attributes](KeyKind kind, std::span<const uint8_t> value) {
    attributes.push_back({kind, std::string(reinterpret_cast<const char*>(value.data()), value.size())});
  });
  std::sort(attributes.begin(), attributes.end());
  attributes.erase(std::unique(attributes.begin(), attributes.end()), attributes.end());
  return attributes;
}

void AppendFlowRecord(const FlowRecord& record, Timestamp base, std::string& out) {
  const FlowKey& key = record.key;
  const bool both_ways = record.packets[0] > 0 && record.packets[1] > 0;
  auto head =
      static_cast<uint8_t>(static_cast<unsigned>(key.source.kind) | static_cast<unsigned>(key.destination.kind) << 2);
  if (key.has_ports) head |= kHasPorts;
  if (record.initiator_known) head |= kInitiatorKnown;
  if (!key.envelope.empty()) head |= kHasEnvelope;
  if (both_ways) head |= kBothWays;
  out.push_back(static_cast<char>(head));
  AppendBytes(key.source.significant(), out);
  AppendBytes(key.destination.significant(), out);
  if (key.has_ports) {
    AppendBig16(key.source_port, out);
    AppendBig16(key.destination_port, out);
  }
  AppendBig16(key.ether_type, out);
  out.push_back(static_cast<char>(key.protocol));
  if (!key.envelope.empty()) {
    AppendVarint(key.envelope.bytes().size(), out);
    AppendBytes(key.envelope.bytes(), out);
  }
  // The difference may wrap round: times are the capture's, and adding wraps back.
  AppendVarint(ZigZag(static_cast<int64_t>(Unsigned(record.first_time) - Unsigned(base))), out);
  AppendVarint(static_cast<uint64_t>((record.last_time - record.first_time).count()), out);
  // A flow that went one way only says so by its count of forward packets being 0 or not.
  for (const size_t way : {0, 1}) {
    if (way == 1 && record.packets[0] > 0 && !both_ways) break;
    AppendVarint(record.packets[way], out);
    if (record.packets[way] == 0) continue;
    AppendVarint(record.bytes[way], out);
    out.push_back(static_cast<char>(record.tcp_flags[way]));
  }
}

std::optional<FlowRecord> TakeFlowRecord(std::string_view& in, Timestamp base) {
  RecordReader reader(in);
  FlowRecord record;
  FlowKey& key = record.key;
  const uint8_t head = reader.U8();
  key.source = TakeAddress(reader, head);
  key.destination = TakeAddress(reader, head >> 2);
  key.has_ports = (head & kHasPorts) != 0;
  record.initiator_known = (head & kInitiatorKnown) != 0;
  if (key.has_ports) {
    key.source_port = reader.Big16();
    key.destination_port = reader.Big16();
  }
  key.ether_type = reader.Big16();
  key.protocol = reader.U8();
  if ((head & kHasEnvelope) != 0) {
    const uint64_t size = reader.Varint();
    if (size == 0 || size > Envelope::kCapacity || !key.envelope.Assign(reader.Bytes(size))) reader.Fail();
  }
  const uint64_t first = Unsigned(base) + static_cast<uint64_t>(UnZigZag(reader.Varint()));
  const uint64_t duration = reader.Varint();
  constexpr auto kLatest = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (first > kLatest || duration > kLatest - first) reader.Fail();
  for (const size_t way : {0, 1}) {
    if (way == 1 && record.packets[0] > 0 && (head & kBothWays) == 0) break;
    record.packets[way] = reader.Varint();
    if (record.packets[way] == 0) continue;
    record.bytes[way] = reader.Varint();
    record.tcp_flags[way] = reader.U8();
  }
  if (reader.failed() || record.packets[0] + record.packets[1] == 0) return std::nullopt;
  record.first_time = FromUnixNanoseconds(static_cast<int64_t>(first));
  record.last_time = FromUnixNanoseconds(static_cast<int64_t>(first + duration));
  in = reader.rest();
  return record;
}

}  // namespace dashcap
