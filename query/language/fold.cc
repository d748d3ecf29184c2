#include "query/language/fold.h"

#include <utility>

namespace dashcap {
namespace {

using Decide = std::function<std::optional<bool>(const Expression&)>;

const ExpressionPtr& All() {
  static const ExpressionPtr all = MakeExpression(AllTerm{});
  return all;
}

// The children that are left when those that make no difference are dropped. One that is `decisive` is the answer.
template <class Node>
ExpressionPtr FoldChildren(const ExpressionPtr& expression, const Node& node, bool decisive, const Decide& decide) {
  std::vector<ExpressionPtr> children;
  bool changed = false;
  for (const ExpressionPtr& child : node.children) {
    ExpressionPtr folded = Fold(child, decide);
    changed = changed || folded != child;
    const bool constant = !folded || IsAll(*folded);
    if (constant && (folded != nullptr) == decisive) return folded;
    if (!constant) children.push_back(std::move(folded));
  }
  if (children.empty()) return decisive ? nullptr : All();
  if (children.size() == 1) return children.front();
  if (!changed) return expression;
  return MakeExpression(Node{std::move(children)});
}

}  // namespace

bool IsAll(const Expression& expression) { return std::holds_alternative<AllTerm>(expression.node); }

ExpressionPtr Fold(const ExpressionPtr& expression, const Decide& decide) {
  if (const auto* node = std::get_if<AndNode>(&expression->node)) return FoldChildren(expression, *node, false, decide);
  if (const auto* node = std::get_if<OrNode>(&expression->node)) return FoldChildren(expression, *node, true, decide);
  if (const auto* node = std::get_if<NotNode>(&expression->node)) {
    const ExpressionPtr child = Fold(node->child, decide);
    if (!child) return All();
    if (IsAll(*child)) return nullptr;
    return child == node->child ? expression : MakeExpression(NotNode{child});
  }
  const std::optional<bool> value = decide(*expression);
  if (!value) return expression;
  return *value ? All() : nullptr;
}

}  // namespace dashcap
