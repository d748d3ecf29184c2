#include "indexer/table_values.h"

#include <algorithm>

#include "indexer/postings.h"
#include "tests/fuzz/target.h"
#include "tests/indexer/random_flows.h"

// The first byte of an input chooses the kind of value, the rest is the value: what stands behind the checksums of an
// index table. What can be decoded must read the same when it is encoded again.
namespace dashcap {
namespace {

constexpr uint64_t kFlows = 1000;
constexpr Timestamp kBase = FromUnixNanoseconds(1);

std::string FlowIdsText(const std::vector<FlowId>& ids) {
  std::string text;
  EncodeFlowIds(ids, text);
  return text;
}

std::string PostingsText(const std::vector<Posting>& postings) {
  std::string text;
  EncodePostings(postings, text);
  return text;
}

void CheckFlowIds(std::string_view value) {
  std::vector<FlowId> ids;
  if (!DecodeFlowIds(value, kFlows, ids)) return;
  Require(ids.empty() || ids.back() < kFlows, "flow ids are below the number of flows");
  std::vector<FlowId> again;
  Require(DecodeFlowIds(FlowIdsText(ids), kFlows, again) && again == ids, "flow ids read as they were");
}

bool MakesSense(const std::vector<BlockSummary>& blocks) {
  uint64_t offset = 0;
  uint64_t number = 0;
  for (const BlockSummary& block : blocks) {
    if (block.offset < offset || block.first_packet_number < number || block.first_time > block.last_time) return false;
    if (block.first_time < Timestamp{}) return false;
    offset = block.offset + block.length;
    number = block.first_packet_number + block.packet_count;
  }
  return true;
}

void CheckDirectory(std::string_view value) {
  const auto blocks = DecodeDirectory(value);
  if (!blocks || !MakesSense(*blocks)) return;
  Require(DecodeDirectory(EncodeDirectory(*blocks)) == blocks, "a directory reads as it was");
}

void CheckSummary(std::string_view value) {
  const auto summary = DecodeSummary(value);
  if (summary) Require(DecodeSummary(EncodeSummary(*summary)) == summary, "a summary reads as it was");
}

void CheckPostings(std::string_view value) {
  std::vector<Posting> postings;
  if (!DecodePostings(value, postings)) {
    Require(postings.empty(), "of a damaged chunk nothing is left");
    return;
  }
  Require(!postings.empty() && postings.size() <= kPostingsPerChunk, "a chunk is not empty and bounded");
  std::vector<Posting> again;
  Require(DecodePostings(PostingsText(postings), again) && again == postings, "postings read as they were");
}

void CheckFlowRecord(std::string_view value) {
  const auto record = TakeFlowRecord(value, kBase);
  if (!record) return;
  std::string text;
  AppendFlowRecord(*record, kBase, text);
  std::string_view rest = text;
  Require(TakeFlowRecord(rest, kBase) == record && rest.empty(), "a flow record reads as it was");
  for (const Attribute& attribute : AttributesOf(record->key))
    Require(!attribute.value.empty(), "attributes have values");
}

using Check = void (*)(std::string_view);
constexpr std::array<Check, 5> kChecks = {CheckFlowIds, CheckDirectory, CheckSummary, CheckPostings, CheckFlowRecord};

}  // namespace

std::vector<std::string> FuzzSeeds() {
  const auto seed = [](char kind, const std::string& value) { return kind + value; };
  std::vector<std::string> seeds = {
      seed(0, FlowIdsText({0, 1, 5, 999})),
      seed(1, EncodeDirectory({{4096, 8192, 10, 0, FromUnixNanoseconds(5), FromUnixNanoseconds(9)},
                               {16384, 1 << 20, 30000, 10, FromUnixNanoseconds(2), FromUnixNanoseconds(8)}})),
      seed(2, EncodeSummary({7, 100, 10, FromUnixNanoseconds(1), FromUnixNanoseconds(2), true})),
      seed(3, PostingsText({{0, Direction::kForward}})),
      seed(3, PostingsText({{7, Direction::kReverse}, {8, Direction::kForward}, {4'000'000'000, Direction::kForward}})),
  };
  std::mt19937_64 random(1);
  std::vector<Posting> many;
  for (uint32_t i = 0; i < kPostingsPerChunk; i++) many.push_back({i * 5 + static_cast<uint32_t>(random() % 5), {}});
  seeds.push_back(seed(3, PostingsText(many)));
  for (int i = 0; i < 20; i++) {
    FlowRecord record;
    record.key = RandomKey(random);
    record.first_time = FromUnixNanoseconds(1);
    record.last_time = FromUnixNanoseconds(2);
    record.packets = {random() % 3, 1};
    record.bytes = {record.packets[0] * 100, 60};
    std::string text;
    AppendFlowRecord(record, kBase, text);
    seeds.push_back(seed(4, text));
  }
  return seeds;
}

}  // namespace dashcap

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dashcap;
  if (size == 0) return 0;
  kChecks[data[0] % kChecks.size()]({reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}
