#include "indexer/flow_table.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <type_traits>
#include <utility>

#include "base/byte_order.h"
#include "base/page_memory.h"

namespace dashcap {
namespace {

constexpr size_t kCacheLine = 64;
constexpr uint8_t kTcpSyn = 0x02;
constexpr uint8_t kTcpAck = 0x10;
constexpr uint8_t kTcpProtocol = 6;

// Elements, all zeros at first, that stay where they are while more are added. In huge pages: flows are touched at
// random, and the more of them there are the more a packet costs in address translations alone.
template <class T>
class Arena {
  static_assert(std::is_trivial_v<T>);

 public:
  uint32_t Add() {
    if (size_ == chunks_.size() * kChunk) chunks_.emplace_back(PageMemory::kHugePage);
    return size_++;
  }
  T& operator[](uint32_t index) { return At(index); }
  const T& operator[](uint32_t index) const { return At(index); }
  uint32_t size() const { return size_; }

 private:
  static constexpr size_t kChunk = PageMemory::kHugePage / sizeof(T);
  T& At(uint32_t index) const { return reinterpret_cast<T*>(chunks_[index / kChunk].data())[index % kChunk]; }

  std::vector<PageMemory> chunks_;
  uint32_t size_ = 0;
};

// Piece of a flow's posting list: one cache line.
struct alignas(kCacheLine) Segment {
  static constexpr size_t kCapacity = kCacheLine - sizeof(uint32_t);
  std::array<uint8_t, kCapacity> bytes;
  uint32_t next;
};

// A flow in two cache lines: what finds it and takes its next posting, and what is counted. The second also has the
// beginning of its posting list, which is all of it for most flows.
struct alignas(kCacheLine) Flow {
  static constexpr size_t kCapacity = 20;

  std::array<uint8_t, 16> source;
  std::array<uint8_t, 16> destination;
  uint16_t source_port;
  uint16_t destination_port;
  uint16_t ether_type;
  uint8_t protocol;
  uint8_t shape;      // kinds of both addresses, whether there are ports
  uint32_t envelope;  // index, or kNoEnvelope
  uint32_t last_packet;
  uint32_t tail_segment;  // index, or kNoSegment
  uint8_t tail_used;      // bytes of it, or of `postings`
  bool began_reversed;
  bool initiator_known;
  std::array<uint8_t, 2> tcp_flags;  // by canonical direction: 0 as the key stands, 1 reversed

  alignas(kCacheLine) int64_t first_time;  // ns since the epoch, as Timestamp is not trivial
  int64_t last_time;
  std::array<uint64_t, 2> bytes;  // these two also by canonical direction
  std::array<uint32_t, 2> packets;
  uint32_t first_segment;
  std::array<uint8_t, kCapacity> postings;
};
static_assert(sizeof(Flow) == 2 * kCacheLine);
constexpr uint32_t kNoEnvelope = 0xffffffff;
constexpr uint32_t kNoSegment = 0xffffffff;

uint8_t ShapeOf(const FlowKey& key) {
  return static_cast<uint8_t>(static_cast<unsigned>(key.source.kind) |
                              static_cast<unsigned>(key.destination.kind) << 2 | unsigned{key.has_ports} << 4);
}

// As == does, but in place: the compiler makes a call to memcmp of that.
bool SameBytes(const std::array<uint8_t, 16>& a, const std::array<uint8_t, 16>& b) {
  const uint64_t first = LoadLittle64(&a[0]) ^ LoadLittle64(&b[0]);
  const uint64_t second = LoadLittle64(&a[8]) ^ LoadLittle64(&b[8]);
  return (first | second) == 0;
}

// Both halves of a 128-bit product, as wyhash and others mix.
uint64_t Mix(uint64_t a, uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

class KeyHash {
 public:
  KeyHash() {
    // Kernels older than the seed pool block here at boot; nothing else can fail for so few bytes.
    while (::getrandom(seeds_.data(), sizeof seeds_, 0) != sizeof seeds_) {
    }
    for (uint64_t& seed : seeds_) seed |= 1;
  }

  uint32_t operator()(const FlowKey& key) const {
    const uint64_t rest = uint64_t{key.source_port} << 48 | uint64_t{key.destination_port} << 32 |
                          uint64_t{key.ether_type} << 16 | uint64_t{key.protocol} << 8 | ShapeOf(key);
    uint64_t hash = Mix(LoadLittle64(&key.source.bytes[0]) ^ seeds_[0], LoadLittle64(&key.source.bytes[8]) ^ seeds_[1]);
    hash ^=
        Mix(LoadLittle64(&key.destination.bytes[0]) ^ seeds_[2], LoadLittle64(&key.destination.bytes[8]) ^ seeds_[3]);
    hash = Mix(hash ^ seeds_[4], rest ^ seeds_[5]);
    if (!key.envelope.empty()) hash = OfEnvelope(key.envelope, hash);
    return static_cast<uint32_t>(hash ^ hash >> 32);
  }

 private:
  uint64_t OfEnvelope(const Envelope& envelope, uint64_t hash) const {
    std::span<const uint8_t> bytes = envelope.bytes();
    for (; bytes.size() >= 8; bytes = bytes.subspan(8))
      hash = Mix(hash ^ seeds_[6], LoadLittle64(bytes.data()) ^ seeds_[7]);
    std::array<uint8_t, 8> last{};
    std::copy(bytes.begin(), bytes.end(), last.begin());
    return Mix(hash ^ seeds_[6], LoadLittle64(last.data()) ^ seeds_[7] ^ bytes.size());
  }

  std::array<uint64_t, 8> seeds_;
};

}  // namespace

class FlowTable::Impl {
 public:
  void Add(uint32_t first_packet_number, std::span<Item> items) {
    assert(items.size() <= kBatch);
    Reserve(flows_.size() + items.size());
    std::array<uint32_t, kBatch> hashes;
    std::array<uint8_t, kBatch> reversed;
    for (size_t i = 0; i < items.size(); i++) {
      reversed[i] = Canonicalize(items[i].decoded.key);
      hashes[i] = hash_(items[i].decoded.key);
      __builtin_prefetch(&SlotAt(hashes[i] & mask_));
    }
    for (size_t i = 0; i < items.size(); i++) PrefetchCandidate(hashes[i]);
    std::array<Flow*, kBatch> flows;
    for (size_t i = 0; i < items.size(); i++) {
      flows[i] = &FindOrAdd(hashes[i], items[i], reversed[i]);
      if (flows[i]->tail_segment != kNoSegment) __builtin_prefetch(&segments_[flows[i]->tail_segment], 1);
    }
    for (size_t i = 0; i < items.size(); i++) {
      Count(*flows[i], items[i], reversed[i]);
      AppendPosting(*flows[i], first_packet_number + static_cast<uint32_t>(i), reversed[i]);
    }
    packet_count_ += items.size();
  }

  size_t flow_count() const { return flows_.size(); }
  uint64_t packet_count() const { return packet_count_; }
  size_t memory_bytes() const {
    return flow_count() * (sizeof(Flow) + kSlotsPerFlow * sizeof(Slot)) + segments_.size() * sizeof(Segment) +
           envelopes_.capacity() * sizeof(Envelope);
  }

  FlowKey Key(FlowId id) const { return KeyOf(flows_[id]); }

  FlowRecord Record(FlowId id) const {
    const Flow& flow = flows_[id];
    FlowRecord record;
    record.key = KeyOf(flow);
    if (flow.began_reversed) Reverse(record.key);
    record.initiator_known = flow.initiator_known;
    record.first_time = FromUnixNanoseconds(flow.first_time);
    record.last_time = FromUnixNanoseconds(flow.last_time);
    for (const size_t way : {0, 1}) {
      const size_t canonical = way ^ size_t { flow.began_reversed };
      record.packets[way] = flow.packets[canonical];
      record.bytes[way] = flow.bytes[canonical];
      record.tcp_flags[way] = flow.tcp_flags[canonical];
    }
    return record;
  }

  void Postings(FlowId id, std::vector<Posting>& out) const {
    const Flow& flow = flows_[id];
    out.clear();
    size_t left = size_t{flow.packets[0]} + flow.packets[1];
    out.reserve(left);
    std::span<const uint8_t> bytes = flow.postings;
    uint32_t next = flow.first_segment;
    size_t at = 0;
    uint32_t number = 0;
    for (; left > 0; left--) {
      uint64_t coded = 0;
      for (unsigned shift = 0;; shift += 7) {
        if (at == bytes.size()) {
          bytes = segments_[next].bytes;
          next = segments_[next].next;
          at = 0;
        }
        const uint8_t byte = bytes[at++];
        coded |= uint64_t{byte & 0x7fu} << shift;
        if (byte < 0x80) break;
      }
      number += static_cast<uint32_t>(coded >> 1);
      const bool reverse = ((coded & 1) != 0) != flow.began_reversed;
      out.push_back({number, reverse ? Direction::kReverse : Direction::kForward});
    }
  }

 private:
  struct Slot {
    uint32_t hash;
    uint32_t flow_plus_1;  // 0: free
    bool free() const { return flow_plus_1 == 0; }
    FlowId flow() const { return flow_plus_1 - 1; }
  };

  static constexpr size_t kSlotsPerFlow = 2;  // at least, so that a search ends soon

  void Reserve(size_t flows) {
    if (flows * kSlotsPerFlow <= slot_count()) return;
    const PageMemory old_memory = std::exchange(slots_, PageMemory(std::max(PageMemory::kHugePage, slots_.size() * 2)));
    mask_ = slot_count() - 1;
    for (const Slot& slot : SlotsIn(old_memory)) {
      if (!slot.free()) SlotAt(FreeSlot(slot.hash)) = slot;
    }
  }

  static std::span<Slot> SlotsIn(const PageMemory& memory) {
    return {reinterpret_cast<Slot*>(memory.data()), memory.size() / sizeof(Slot)};
  }
  size_t slot_count() const { return slots_.size() / sizeof(Slot); }
  Slot& SlotAt(size_t at) const { return reinterpret_cast<Slot*>(slots_.data())[at]; }

  size_t FreeSlot(uint32_t hash) const {
    size_t at = hash & mask_;
    while (!SlotAt(at).free()) at = (at + 1) & mask_;
    return at;
  }

  void PrefetchCandidate(uint32_t hash) const {
    for (size_t at = hash & mask_; !SlotAt(at).free(); at = (at + 1) & mask_) {
      if (SlotAt(at).hash != hash) continue;
      const Flow& flow = flows_[SlotAt(at).flow()];
      __builtin_prefetch(&flow, 1);
      __builtin_prefetch(&flow.first_time, 1);
      return;
    }
  }

  Flow& FindOrAdd(uint32_t hash, const Item& item, bool reversed) {
    const FlowKey& key = item.decoded.key;
    for (size_t at = hash & mask_; !SlotAt(at).free(); at = (at + 1) & mask_) {
      if (SlotAt(at).hash != hash) continue;
      Flow& flow = flows_[SlotAt(at).flow()];
      if (Has(flow, key)) return flow;
    }
    const FlowId id = flows_.Add();
    SlotAt(FreeSlot(hash)) = {hash, id + 1};
    Begin(flows_[id], item, reversed);
    return flows_[id];
  }

  bool Has(const Flow& flow, const FlowKey& key) const {
    const bool same = SameBytes(flow.source, key.source.bytes) && SameBytes(flow.destination, key.destination.bytes) &&
                      flow.source_port == key.source_port && flow.destination_port == key.destination_port &&
                      flow.ether_type == key.ether_type && flow.protocol == key.protocol && flow.shape == ShapeOf(key);
    if (!same) return false;
    if (flow.envelope == kNoEnvelope) return key.envelope.empty();
    return envelopes_[flow.envelope] == key.envelope;
  }

  void Begin(Flow& flow, const Item& item, bool reversed) {
    const FlowKey& key = item.decoded.key;
    flow.source = key.source.bytes;
    flow.destination = key.destination.bytes;
    flow.source_port = key.source_port;
    flow.destination_port = key.destination_port;
    flow.ether_type = key.ether_type;
    flow.protocol = key.protocol;
    flow.shape = ShapeOf(key);
    flow.envelope = kNoEnvelope;
    if (!key.envelope.empty()) {
      flow.envelope = static_cast<uint32_t>(envelopes_.size());
      envelopes_.push_back(key.envelope);
    }
    flow.first_segment = flow.tail_segment = kNoSegment;
    flow.first_time = flow.last_time = ToUnixNanoseconds(item.time);
    flow.began_reversed = reversed;
  }

  static void Count(Flow& flow, const Item& item, bool reversed) {
    const int64_t time = ToUnixNanoseconds(item.time);
    flow.first_time = std::min(flow.first_time, time);
    flow.last_time = std::max(flow.last_time, time);
    flow.packets[reversed]++;
    flow.bytes[reversed] += item.original_length;
    const uint8_t flags = item.decoded.tcp_flags;
    flow.tcp_flags[reversed] |= flags;
    if (flags != 0 && (flags & (kTcpSyn | kTcpAck)) == kTcpSyn && item.decoded.key.protocol == kTcpProtocol &&
        !flow.initiator_known) {
      flow.initiator_known = true;
      flow.began_reversed = reversed;
    }
  }

  // The difference to the flow's last packet and the direction, seven bits a byte.
  void AppendPosting(Flow& flow, uint32_t packet_number, bool reversed) {
    uint64_t coded = uint64_t{packet_number - flow.last_packet} << 1 | uint64_t{reversed};
    flow.last_packet = packet_number;
    for (; coded >= 0x80; coded >>= 7) AppendByte(flow, static_cast<uint8_t>(coded | 0x80));
    AppendByte(flow, static_cast<uint8_t>(coded));
  }

  void AppendByte(Flow& flow, uint8_t byte) {
    if (flow.tail_segment == kNoSegment) {
      if (flow.tail_used < Flow::kCapacity) {
        flow.postings[flow.tail_used++] = byte;
        return;
      }
      flow.first_segment = flow.tail_segment = segments_.Add();
      flow.tail_used = 0;
    } else if (flow.tail_used == Segment::kCapacity) {
      const uint32_t next = segments_.Add();
      segments_[flow.tail_segment].next = next;
      flow.tail_segment = next;
      flow.tail_used = 0;
    }
    segments_[flow.tail_segment].bytes[flow.tail_used++] = byte;
  }

  FlowKey KeyOf(const Flow& flow) const {
    FlowKey key;
    key.source = {flow.source, static_cast<AddressKind>(flow.shape & 3)};
    key.destination = {flow.destination, static_cast<AddressKind>(flow.shape >> 2 & 3)};
    key.source_port = flow.source_port;
    key.destination_port = flow.destination_port;
    key.ether_type = flow.ether_type;
    key.protocol = flow.protocol;
    key.has_ports = (flow.shape >> 4) != 0;
    if (flow.envelope != kNoEnvelope) key.envelope = envelopes_[flow.envelope];
    return key;
  }

  KeyHash hash_;
  PageMemory slots_;
  size_t mask_ = 0;
  Arena<Flow> flows_;
  Arena<Segment> segments_;
  std::vector<Envelope> envelopes_;
  uint64_t packet_count_ = 0;
};

FlowTable::FlowTable() : impl_(std::make_unique<Impl>()) {}
FlowTable::~FlowTable() = default;
FlowTable::FlowTable(FlowTable&&) noexcept = default;
FlowTable& FlowTable::operator=(FlowTable&&) noexcept = default;

void FlowTable::Add(uint32_t first_packet_number, std::span<Item> items) { impl_->Add(first_packet_number, items); }
size_t FlowTable::flow_count() const { return impl_->flow_count(); }
uint64_t FlowTable::packet_count() const { return impl_->packet_count(); }
size_t FlowTable::memory_bytes() const { return impl_->memory_bytes(); }
FlowRecord FlowTable::Record(FlowId id) const { return impl_->Record(id); }
FlowKey FlowTable::Key(FlowId id) const { return impl_->Key(id); }
void FlowTable::Postings(FlowId id, std::vector<Posting>& out) const { impl_->Postings(id, out); }

}  // namespace dashcap
