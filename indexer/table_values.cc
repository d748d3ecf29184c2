#include "indexer/table_values.h"

#include <limits>

#include "indexer/varint.h"

namespace dashcap {
namespace {

constexpr uint64_t kUnit = kBlockAlignment;

// Times and numbers one behind the other, as a damaged value may not overflow them.
class Varints {
 public:
  explicit Varints(std::string_view in) : in_(in) {}
  uint64_t Next() {
    const auto value = TakeVarint(in_);
    if (!value) failed_ = true;
    return value.value_or(0);
  }
  bool failed() const { return failed_; }
  bool AtEnd() const { return in_.empty(); }

 private:
  std::string_view in_;
  bool failed_ = false;
};

Timestamp TimeOf(uint64_t nanoseconds) { return FromUnixNanoseconds(static_cast<int64_t>(nanoseconds)); }

}  // namespace

void EncodeFlowIds(const std::vector<FlowId>& ids, std::string& out) {
  FlowId next = 0;
  for (const FlowId id : ids) {
    AppendVarint(id - next, out);
    next = id + 1;
  }
}

bool DecodeFlowIds(std::string_view value, uint64_t flow_count, std::vector<FlowId>& out) {
  for (uint64_t next = 0; !value.empty();) {
    const auto difference = TakeVarint(value);
    if (!difference || *difference >= flow_count || next + *difference >= flow_count) return false;
    out.push_back(static_cast<FlowId>(next + *difference));
    next = out.back() + uint64_t{1};
  }
  return true;
}

std::string EncodeDirectory(const std::vector<BlockSummary>& blocks) {
  std::string value;
  AppendVarint(blocks.size(), value);
  uint64_t offset = 0;
  uint64_t number = 0;
  int64_t time = 0;
  for (const BlockSummary& block : blocks) {
    AppendVarint((block.offset - offset) / kUnit, value);
    AppendVarint(block.length / kUnit, value);
    AppendVarint(block.first_packet_number - number, value);
    AppendVarint(block.packet_count, value);
    AppendVarint(ZigZag(ToUnixNanoseconds(block.first_time) - time), value);
    AppendVarint(static_cast<uint64_t>((block.last_time - block.first_time).count()), value);
    offset = block.offset + block.length;
    number = block.first_packet_number + block.packet_count;
    time = ToUnixNanoseconds(block.first_time);
  }
  return value;
}

std::optional<std::vector<BlockSummary>> DecodeDirectory(std::string_view value) {
  Varints in(value);
  const uint64_t count = in.Next();
  if (in.failed() || count > value.size()) return std::nullopt;
  std::vector<BlockSummary> blocks(count);
  uint64_t offset = 0;
  uint64_t number = 0;
  uint64_t time = 0;
  for (BlockSummary& block : blocks) {
    offset += in.Next() * kUnit;
    const uint64_t length = in.Next() * kUnit;
    number += in.Next();
    const uint64_t packets = in.Next();
    time += static_cast<uint64_t>(UnZigZag(in.Next()));
    const uint64_t last_time = time + in.Next();
    if (in.failed() || offset > kMaxBlockfileSize || length > kMaxBlockSize || packets > kMaxBlockSize ||
        number > std::numeric_limits<uint32_t>::max()) {
      return std::nullopt;
    }
    block = {offset,           static_cast<uint32_t>(length), static_cast<uint32_t>(packets), number, TimeOf(time),
             TimeOf(last_time)};
    offset += length;
    number += packets;
  }
  if (!in.AtEnd()) return std::nullopt;
  return blocks;
}

std::string EncodeSummary(const TableSummary& summary) {
  std::string value;
  AppendVarint(kIndexVersion, value);
  AppendVarint(summary.file_id, value);
  AppendVarint(summary.packets, value);
  AppendVarint(summary.flows, value);
  AppendVarint(static_cast<uint64_t>(ToUnixNanoseconds(summary.first_time)), value);
  AppendVarint(static_cast<uint64_t>(ToUnixNanoseconds(summary.last_time)), value);
  AppendVarint(summary.damaged ? 1 : 0, value);
  return value;
}

std::optional<TableSummary> DecodeSummary(std::string_view value) {
  Varints in(value);
  if (in.Next() != kIndexVersion) return std::nullopt;
  TableSummary summary;
  summary.file_id = in.Next();
  summary.packets = in.Next();
  summary.flows = in.Next();
  summary.first_time = TimeOf(in.Next());
  summary.last_time = TimeOf(in.Next());
  summary.damaged = in.Next() != 0;
  constexpr uint64_t kMost = std::numeric_limits<uint32_t>::max();
  if (in.failed() || !in.AtEnd() || summary.packets > kMost || summary.flows > summary.packets) return std::nullopt;
  return summary;
}

}  // namespace dashcap
