#include "indexer/flow_group.h"

#include "indexer/varint.h"

namespace dashcap {

void FlowGroupWriter::Add(const FlowRecord& record, std::string_view postings) {
  AppendFlowRecord(record, base_, value_);
  base_ = record.first_time;
  AppendVarint(postings.size(), value_);
  value_ += postings;
}

void FlowGroupWriter::Clear() {
  value_.clear();
  base_ = {};
}

std::optional<FlowGroupReader::Flow> FlowGroupReader::Next() {
  const auto record = TakeFlowRecord(rest_, base_);
  if (!record) return std::nullopt;
  base_ = record->first_time;
  const auto size = TakeVarint(rest_);
  if (!size || *size > rest_.size()) return std::nullopt;
  const std::string_view postings = rest_.substr(0, *size);
  rest_.remove_prefix(*size);
  return Flow{*record, postings};
}

}  // namespace dashcap
