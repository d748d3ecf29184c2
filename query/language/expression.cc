#include "query/language/expression.h"

#include <algorithm>
#include <type_traits>

namespace dashcap {
namespace {

bool SameChildren(const std::vector<ExpressionPtr>& a, const std::vector<ExpressionPtr>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const ExpressionPtr& x, const ExpressionPtr& y) { return SameTree(*x, *y); });
}

bool Same(const NotNode& a, const NotNode& b) { return SameTree(*a.child, *b.child); }
bool Same(const AndNode& a, const AndNode& b) { return SameChildren(a.children, b.children); }
bool Same(const OrNode& a, const OrNode& b) { return SameChildren(a.children, b.children); }
template <class Term>
bool Same(const Term& a, const Term& b) {
  return a == b;
}

}  // namespace

bool SameTree(const Expression& a, const Expression& b) {
  if (a.node.index() != b.node.index()) return false;
  return std::visit(
      [&b](const auto& node) {
        using Node = std::decay_t<decltype(node)>;
        return Same(node, std::get<Node>(b.node));
      },
      a.node);
}

}  // namespace dashcap
