#pragma once

#include <functional>
#include <optional>

#include "query/language/expression.h"

namespace dashcap {

// What is left of a query when some of its terms are decided: `decide` gives a term's value, or nullopt to leave it.
// nullptr when nothing can match any more, AllTerm when everything does, and the tree itself when nothing was decided.
ExpressionPtr Fold(const ExpressionPtr& expression,
                   const std::function<std::optional<bool>(const Expression&)>& decide);

bool IsAll(const Expression& expression);

}  // namespace dashcap
