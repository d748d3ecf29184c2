#include "indexer/flow_table.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/indexer/random_flows.h"

namespace dashcap {
namespace {

// What the table should hold, the slow way: packets by key, either direction.
struct PlainFlow {
  std::vector<std::pair<uint32_t, FlowKey>> packets;
  std::vector<FlowTable::Item> items;
};

bool SameFlow(const FlowKey& a, const FlowKey& b) { return a == b || a == Reversed(b); }

class Comparison {
 public:
  void Add(uint32_t number, const FlowTable::Item& item) {
    auto flow = std::find_if(flows_.begin(), flows_.end(),
                             [&](const PlainFlow& f) { return SameFlow(f.packets.front().second, item.decoded.key); });
    if (flow == flows_.end()) flow = flows_.insert(flows_.end(), PlainFlow());
    flow->packets.emplace_back(number, item.decoded.key);
    flow->items.push_back(item);
  }

  void ExpectSame(const FlowTable& table) const {
    ASSERT_EQ(table.flow_count(), flows_.size());
    std::vector<Posting> postings;
    for (FlowId id = 0; id < flows_.size(); id++) {
      ExpectSameRecord(table.Record(id), flows_[id]);
      table.Postings(id, postings);
      ExpectSamePostings(postings, table.Record(id).key, flows_[id]);
    }
  }

 private:
  static void ExpectSameRecord(const FlowRecord& record, const PlainFlow& flow) {
    // The end that sent the first SYN began it; without one, whoever sent the first packet.
    FlowKey begun = flow.packets.front().second;
    bool known = false;
    for (const FlowTable::Item& item : flow.items) {
      if (known || item.decoded.key.protocol != 6 || (item.decoded.tcp_flags & 0x12) != 0x02) continue;
      begun = item.decoded.key;
      known = true;
    }
    EXPECT_EQ(record.key, begun);
    EXPECT_EQ(record.initiator_known, known);
    std::array<uint64_t, 2> packets{};
    std::array<uint64_t, 2> bytes{};
    std::array<uint8_t, 2> flags{};
    Timestamp first = kMaxTimestamp;
    Timestamp last = kMinTimestamp;
    for (const FlowTable::Item& item : flow.items) {
      const size_t way = item.decoded.key == begun ? 0 : 1;
      packets[way]++;
      bytes[way] += item.original_length;
      flags[way] |= item.decoded.tcp_flags;
      first = std::min(first, item.time);
      last = std::max(last, item.time);
    }
    EXPECT_EQ(record.packets, packets);
    EXPECT_EQ(record.bytes, bytes);
    EXPECT_EQ(record.tcp_flags, flags);
    EXPECT_EQ(record.first_time, first);
    EXPECT_EQ(record.last_time, last);
  }

  static void ExpectSamePostings(const std::vector<Posting>& postings, const FlowKey& forward, const PlainFlow& flow) {
    ASSERT_EQ(postings.size(), flow.packets.size());
    for (size_t i = 0; i < postings.size(); i++) {
      EXPECT_EQ(postings[i].packet_number, flow.packets[i].first);
      EXPECT_EQ(postings[i].direction, flow.packets[i].second == forward ? Direction::kForward : Direction::kReverse);
    }
  }

  std::vector<PlainFlow> flows_;
};

FlowTable::Item RandomItem(std::mt19937_64& random) {
  FlowTable::Item item;
  item.decoded.key = RandomKey(random);
  if (item.decoded.key.protocol == 6) item.decoded.tcp_flags = static_cast<uint8_t>(random() % 32);
  item.time = FromUnixNanoseconds(1'700'000'000'000'000'000 + static_cast<int64_t>(random() % 1'000'000));
  item.original_length = static_cast<uint32_t>(random() % 2000);
  return item;
}

TEST(FlowTable, HoldsWhatAPlainMapHolds) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 5; round++) {
    FlowTable table;
    Comparison plain;
    uint32_t number = 0;
    while (number < 4000) {
      std::vector<FlowTable::Item> batch(1 + random() % FlowTable::kBatch);
      number += static_cast<uint32_t>(random() % 3 * (random() % 100));  // as when a block is missing
      for (size_t i = 0; i < batch.size(); i++) {
        batch[i] = RandomItem(random);
        plain.Add(number + static_cast<uint32_t>(i), batch[i]);
      }
      table.Add(number, batch);
      number += static_cast<uint32_t>(batch.size());
    }
    plain.ExpectSame(table);
  }
}

TEST(FlowTable, GrowsPastItsFirstSize) {
  FlowTable table;
  std::vector<FlowTable::Item> batch(1);
  constexpr uint32_t kFlows = 100'000;
  for (uint32_t i = 0; i < kFlows; i++) {
    batch[0] = {};
    batch[0].decoded.key.source = *ParseIpAddress("10.0.0.1");
    batch[0].decoded.key.destination.kind = AddressKind::kIpv4;
    StoreBig32(batch[0].decoded.key.destination.bytes.data(), i);
    table.Add(i, batch);
  }
  EXPECT_EQ(table.flow_count(), kFlows);
  EXPECT_EQ(table.packet_count(), kFlows);
  EXPECT_GT(table.memory_bytes(), kFlows * 64);
  EXPECT_LT(table.memory_bytes(), kFlows * 1024);
}

}  // namespace
}  // namespace dashcap
