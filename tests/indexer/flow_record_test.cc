#include "indexer/flow_record.h"

#include <gtest/gtest.h>

#include "tests/indexer/random_flows.h"

namespace dashcap {
namespace {

FlowRecord RandomRecord(std::mt19937_64& random) {
  FlowRecord record;
  record.key = RandomKey(random);
  record.initiator_known = random() % 2 == 0;
  record.first_time = FromUnixNanoseconds(static_cast<int64_t>(random() >> 2));
  record.last_time = record.first_time + Nanoseconds(static_cast<int64_t>(random() >> 2));
  const uint64_t ways = random() % 3;
  for (const size_t way : {0, 1}) {
    if (ways == 1 - way) continue;
    record.packets[way] = 1 + random() % 1'000'000;
    record.bytes[way] = random() % (uint64_t{1} << 40);
    record.tcp_flags[way] = static_cast<uint8_t>(random());
  }
  return record;
}

TEST(FlowRecord, ComesBackWithWhatFollowsIt) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 5000; i++) {
    const FlowRecord record = RandomRecord(random);
    const Timestamp base = FromUnixNanoseconds(static_cast<int64_t>(random()));
    std::string text;
    AppendFlowRecord(record, base, text);
    text += "rest";
    std::string_view in = text;
    const auto taken = TakeFlowRecord(in, base);
    ASSERT_TRUE(taken);
    EXPECT_EQ(*taken, record);
    EXPECT_EQ(in, "rest");
  }
}

TEST(FlowRecord, CutAnywhereIsNone) {
  std::mt19937_64 random(4);
  for (int i = 0; i < 200; i++) {
    std::string text;
    AppendFlowRecord(RandomRecord(random), kMinTimestamp, text);
    for (size_t size = 0; size < text.size(); size++) {
      std::string_view in = std::string_view(text).substr(0, size);
      EXPECT_FALSE(TakeFlowRecord(in, kMinTimestamp)) << size << " of " << text.size();
    }
  }
}

TEST(FlowRecord, AttributesCoverEveryLayer) {
  FlowKey key;
  key.source = *ParseIpAddress("10.0.0.1");
  key.destination = *ParseIpAddress("10.0.0.2");
  key.ether_type = 0x0800;
  key.protocol = 6;
  key.has_ports = true;
  key.source_port = 40000;
  key.destination_port = 443;
  key.envelope.PushVlan(7);
  key.envelope.PushIp(4, *ParseIpAddress("192.0.2.1"), *ParseIpAddress("192.0.2.2"));
  std::vector<Attribute> expected = {AddressAttribute(*ParseIpAddress("10.0.0.1")),
                                     AddressAttribute(*ParseIpAddress("10.0.0.2")),
                                     AddressAttribute(*ParseIpAddress("192.0.2.1")),
                                     AddressAttribute(*ParseIpAddress("192.0.2.2")),
                                     PortAttribute(443),
                                     PortAttribute(40000),
                                     ProtocolAttribute(4),
                                     ProtocolAttribute(6),
                                     VlanAttribute(7),
                                     EtherTypeAttribute(0x0800)};
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(AttributesOf(key), expected);
}

}  // namespace
}  // namespace dashcap
