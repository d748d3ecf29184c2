#pragma once

#include <optional>
#include <vector>

#include "indexer/index_format.h"
#include "query/language/expression.h"

namespace dashcap {

// Attributes of one kind with values from first to last, both inclusive.
struct AttributeRange {
  Attribute first;
  Attribute last;
  bool operator==(const AttributeRange&) const = default;
};

// The lookups whose flows together include every flow with a packet that the term matches; nullopt when no attribute
// tells. Never exact enough to answer by itself: side, family and transport are decided on the flow's record.
// Requires: `term` is not And, Or, Not or PacketTerm.
std::optional<std::vector<AttributeRange>> LookupsFor(const Expression& term);

// How many flows a tree is thought to leave, for choosing what to look up first; lower is fewer.
int Selectivity(const Expression& expression);

}  // namespace dashcap
