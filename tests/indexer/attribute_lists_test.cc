#include "indexer/attribute_lists.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "tests/indexer/random_flows.h"

namespace dashcap {
namespace {

// Against a map from attribute to flows, which sorts by comparing.
TEST(AttributeLists, GiveTheFlowsOfEachAttributeInTheOrderOfKeys) {
  for (const size_t flow_count : {0, 1, 7, 3000}) {
    SCOPED_TRACE(flow_count);
    std::mt19937_64 random(flow_count);
    std::vector<FlowKey> keys;
    for (size_t i = 0; i < flow_count; i++) {
      FlowKey& key = keys.emplace_back(RandomKey(random));
      // Every byte of a value has to decide now and then.
      for (size_t at = 0; at < key.source.size(); at++) {
        if (random() % 4 == 0) key.source.bytes[at] = static_cast<uint8_t>(random());
      }
      if (key.has_ports) key.source_port = static_cast<uint16_t>(random());
    }

    std::map<std::string, std::vector<FlowId>> expected;
    AttributeLists lists;
    for (const FlowKey& key : keys) {
      ForEachAttribute(key, [&lists](KeyKind kind, std::span<const uint8_t>) { lists.Count(kind); });
    }
    lists.Reserve();
    for (FlowId flow = 0; flow < flow_count; flow++) {
      for (const Attribute& attribute : AttributesOf(keys[flow])) expected[attribute.key()].push_back(flow);
      ForEachAttribute(keys[flow],
                       [&lists, flow](KeyKind kind, std::span<const uint8_t> value) { lists.Add(kind, value, flow); });
    }
    std::vector<std::pair<std::string, std::vector<FlowId>>> taken;
    lists.TakeAll(
        [&taken](const std::string& key, const std::vector<FlowId>& flows) { taken.emplace_back(key, flows); });
    EXPECT_EQ(taken, (std::vector<std::pair<std::string, std::vector<FlowId>>>(expected.begin(), expected.end())));
  }
}

}  // namespace
}  // namespace dashcap
