#include "indexer/flow_group.h"

#include <gtest/gtest.h>

#include "tests/indexer/random_flows.h"

namespace dashcap {
namespace {

TEST(FlowGroup, GivesBackRecordsAndPostings) {
  std::mt19937_64 random(5);
  FlowGroupWriter writer;
  for (int round = 0; round < 3; round++) {
    std::vector<FlowRecord> records(kFlowsPerGroup);
    std::vector<std::string> postings(kFlowsPerGroup);
    for (size_t i = 0; i < records.size(); i++) {
      records[i].key = RandomKey(random);
      records[i].packets[0] = 1;
      // Forwards and back, as the clock of a capture may step.
      records[i].first_time =
          FromUnixNanoseconds(1'700'000'000'000'000'000 + static_cast<int64_t>(random() % 1'000'000));
      records[i].last_time = records[i].first_time;
      postings[i].assign(random() % 200, 'p');
      writer.Add(records[i], postings[i]);
    }
    FlowGroupReader reader(writer.value());
    for (size_t i = 0; i < records.size(); i++) {
      const auto flow = reader.Next();
      ASSERT_TRUE(flow);
      EXPECT_EQ(flow->record, records[i]);
      EXPECT_EQ(flow->postings, postings[i]);
    }
    EXPECT_FALSE(reader.Next());
    writer.Clear();
  }
}

TEST(FlowGroup, CutAnywhereLosesOnlyWhatIsCut) {
  FlowRecord record;
  record.packets[0] = 1;
  FlowGroupWriter writer;
  writer.Add(record, "first");
  const size_t first = writer.value().size();
  writer.Add(record, "second");
  for (size_t size = 0; size < writer.value().size(); size++) {
    const std::string cut = writer.value().substr(0, size);
    FlowGroupReader reader(cut);
    EXPECT_EQ(reader.Next().has_value(), size >= first) << size;
    EXPECT_FALSE(reader.Next()) << size;
  }
}

}  // namespace
}  // namespace dashcap
