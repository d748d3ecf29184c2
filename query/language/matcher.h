#pragma once

#include <optional>

#include "base/time.h"
#include "packet/flow_key.h"
#include "query/language/expression.h"

namespace dashcap {

// Whether a packet with this key (in its own direction) at this time is asked for. The one definition of what a query
// means: index and scan both end here.
bool Matches(const Expression& expression, const FlowKey& key, Timestamp time);

// The same without knowing the time: true and false only when every time gives that answer, nullopt when time decides.
std::optional<bool> MatchesAtAnyTime(const Expression& expression, const FlowKey& key);

// The smallest range outside which nothing can match.
TimeRange TimeBounds(const Expression& expression);

}  // namespace dashcap
