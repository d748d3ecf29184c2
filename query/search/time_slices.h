#pragma once

#include <optional>
#include <vector>

#include "base/time.h"
#include "query/language/expression.h"

namespace dashcap {

// A part of the time asked for in which the time terms of a query are constant, and what is left of the query there: a
// tree without time terms, so that it is decided by flows alone.
struct TimeSlice {
  TimeRange range;
  ExpressionPtr expression;
};

// An answer is a merge of its slices, so their number bounds the work and memory per file.
inline constexpr size_t kMaxTimeSlices = 64;

// The slices of `range` in which something can match, in order and disjoint. nullopt when there would be more than
// kMaxTimeSlices; the query then has to be evaluated on each packet.
std::optional<std::vector<TimeSlice>> SliceByTime(const ExpressionPtr& expression, TimeRange range);

}  // namespace dashcap
