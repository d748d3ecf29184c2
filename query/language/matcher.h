#pragma once

#include <optional>

#include "base/time.h"
#include "packet/flow_key.h"
#include "query/language/expression.h"

namespace dashcap {

// What keys tell of a query; PacketMatcher adds what only packets do. The one definition of what a query means: index
// and scan both end here.

// Whether a packet with this key (in its own direction) at this time is asked for. Requires: !AsksPackets(expression).
bool Matches(const Expression& expression, const FlowKey& key, Timestamp time);

// The same without knowing the time: true and false only when every time and every packet with this key gives that
// answer.
std::optional<bool> MatchesAtAnyTime(const Expression& expression, const FlowKey& key);

// Whether a term, no And, Or or Not, is true of packets with this key; nullopt when their time or bytes decide.
std::optional<bool> DecideByKey(const Expression& term, const FlowKey& key);

// Whether there are terms that a packet's key and time may leave open.
bool AsksPackets(const Expression& expression);

// The smallest range outside which nothing can match.
TimeRange TimeBounds(const Expression& expression);

}  // namespace dashcap
