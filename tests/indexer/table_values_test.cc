#include "indexer/table_values.h"

#include <gtest/gtest.h>

#include <random>

namespace dashcap {
namespace {

std::vector<BlockSummary> SomeBlocks() {
  std::vector<BlockSummary> blocks;
  const auto time = [](int64_t n) { return FromUnixNanoseconds(1'700'000'000'000'000'000 + n); };
  blocks.push_back({4096, 1048576, 1000, 0, time(0), time(999)});
  blocks.push_back({1052672, 8192, 7, 1000, time(-50), time(20)});       // stepped back
  blocks.push_back({2097152, 4096, 0, 1007, Timestamp{}, Timestamp{}});  // behind a gap, statistics only
  blocks.push_back({2101248, 4096, 1, 2000, time(5), time(5)});
  return blocks;
}

TEST(TableValues, DirectoryComesBack) {
  EXPECT_EQ(DecodeDirectory(EncodeDirectory(SomeBlocks())), SomeBlocks());
  EXPECT_EQ(DecodeDirectory(EncodeDirectory({})), std::vector<BlockSummary>());
}

TEST(TableValues, CutDirectoryIsNone) {
  const std::string value = EncodeDirectory(SomeBlocks());
  for (size_t size = 0; size < value.size(); size++) EXPECT_FALSE(DecodeDirectory(value.substr(0, size))) << size;
}

TEST(TableValues, FlowIdsComeBackAndStayBelowTheirCount) {
  const std::vector<FlowId> ids = {0, 1, 2, 500, 501, 70000};
  std::string value;
  EncodeFlowIds(ids, value);
  std::vector<FlowId> decoded;
  ASSERT_TRUE(DecodeFlowIds(value, 70001, decoded));
  EXPECT_EQ(decoded, ids);
  decoded.clear();
  EXPECT_FALSE(DecodeFlowIds(value, 70000, decoded));
}

TEST(TableValues, SummaryComesBack) {
  const TableSummary summary{0x0123456789abcdef, 1000, 10, FromUnixNanoseconds(5), FromUnixNanoseconds(7), true};
  EXPECT_EQ(DecodeSummary(EncodeSummary(summary)), summary);
  const std::string value = EncodeSummary(summary);
  for (size_t size = 0; size < value.size(); size++) EXPECT_FALSE(DecodeSummary(value.substr(0, size))) << size;
}

TEST(TableValues, AnotherVersionIsNotRead) {
  std::string value = EncodeSummary({});
  value[0] = static_cast<char>(kIndexVersion + 1);
  EXPECT_FALSE(DecodeSummary(value));
}

}  // namespace
}  // namespace dashcap
