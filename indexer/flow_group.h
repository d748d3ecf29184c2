#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "indexer/flow_record.h"
#include "indexer/index_format.h"

namespace dashcap {

// Flows with consecutive ids, as one value of an index table: kFlowsPerGroup of them, fewer at the table's end. For each
// its record, whose first time counts from that of the flow before it (of a group's first flow, from the epoch), the
// length of its postings, and these; 0 when they have keys of their own.
class FlowGroupWriter {
 public:
  void Add(const FlowRecord& record, std::string_view postings);
  const std::string& value() const { return value_; }
  bool empty() const { return value_.empty(); }
  void Clear();

 private:
  std::string value_;
  Timestamp base_{};
};

class FlowGroupReader {
 public:
  // The value must stay as long as its postings are used.
  explicit FlowGroupReader(std::string_view value) : rest_(value) {}

  struct Flow {
    FlowRecord record;
    std::string_view postings;  // empty: elsewhere
  };
  // nullopt at the end, or where the value is damaged.
  std::optional<Flow> Next();

 private:
  std::string_view rest_;
  Timestamp base_{};
};

}  // namespace dashcap
