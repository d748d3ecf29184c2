#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "base/result.h"
#include "indexer/index_table.h"
#include "query/language/expression.h"

namespace dashcap {

// The flows, ascending, among which are all that a query can match, by their attributes alone; nullopt: all flows.
// Requires: `expression` has no time terms.
Result<std::optional<std::vector<FlowId>>> CandidateFlows(const IndexTable& table, const Expression& expression);

// A flow of which at least one direction is asked for.
struct MatchingFlow {
  FlowId id = 0;
  const FlowRecord& record;
  // What each packet of the direction still has to be asked: AllTerm when all of them match, nullptr when none does.
  ExpressionPtr forward;
  ExpressionPtr reverse;

  const ExpressionPtr& Asked(Direction direction) const { return direction == Direction::kForward ? forward : reverse; }
  bool Wants(Direction direction) const { return Asked(direction) != nullptr; }
  // Of the directions asked for, whatever their packets will say.
  uint64_t packets() const { return (forward ? record.packets[0] : 0) + (reverse ? record.packets[1] : 0); }
  uint64_t bytes() const { return (forward ? record.bytes[0] : 0) + (reverse ? record.bytes[1] : 0); }
  // Whether the packets asked for are all that the flow has, so that its first and last time are theirs.
  bool whole() const { return packets() == record.packets[0] + record.packets[1]; }
};

// Visits exactly the flows with packets that the query may match and that may lie in the range, until `visit` returns
// false. All packets of a direction match or none do, as far as flows tell. Requires: `expression` has no time terms.
Status ForEachMatchingFlow(const IndexTable& table, const ExpressionPtr& expression, TimeRange range,
                           const std::function<bool(const MatchingFlow&)>& visit);

}  // namespace dashcap
