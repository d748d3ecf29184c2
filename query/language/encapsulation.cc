#include "query/language/encapsulation.h"

#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "query/language/parser.h"

namespace dashcap {
namespace {

// What stands before a primitive and changes what it speaks of.
struct Outside {
  std::string filter;       // "pppoes 7 and "; empty: nothing
  ExpressionPtr necessary;  // of the outermost
};

using IsEncapsulation = bool (*)(const Expression&);

bool IsTunnel(const Expression& expression) {
  const auto* term = std::get_if<PacketTerm>(&expression.node);
  return term && (term->filter.starts_with("pppoes") || term->filter.starts_with("geneve"));
}

bool IsTunnelOrTag(const Expression& expression) {
  return IsTunnel(expression) || std::holds_alternative<VlanTerm>(expression.node) ||
         std::holds_alternative<MplsTerm>(expression.node);
}

ExpressionPtr Read(const ExpressionPtr& expression, const Outside& outside, IsEncapsulation is_encapsulation);

template <class Node>
ExpressionPtr ReadChildren(const ExpressionPtr& expression, const Node& node, Outside outside,
                           IsEncapsulation is_encapsulation) {
  std::vector<ExpressionPtr> children;
  for (const ExpressionPtr& child : node.children) {
    children.push_back(Read(child, outside, is_encapsulation));
    if (!std::is_same_v<Node, AndNode> || !is_encapsulation(*child)) continue;
    const auto* term = std::get_if<PacketTerm>(&child->node);
    if (outside.filter.empty()) outside.necessary = term ? term->necessary : child;
    outside.filter += PrintQuery(*child) + " and ";
  }
  return children == node.children ? expression : MakeExpression(Node{std::move(children)});
}

ExpressionPtr Read(const ExpressionPtr& expression, const Outside& outside, IsEncapsulation is_encapsulation) {
  if (const auto* node = std::get_if<AndNode>(&expression->node))
    return ReadChildren(expression, *node, outside, is_encapsulation);
  if (const auto* node = std::get_if<OrNode>(&expression->node))
    return ReadChildren(expression, *node, outside, is_encapsulation);
  if (const auto* node = std::get_if<NotNode>(&expression->node)) {
    ExpressionPtr child = Read(node->child, outside, is_encapsulation);
    return child == node->child ? expression : MakeExpression(NotNode{std::move(child)});
  }
  const bool bytes_decide =
      !std::holds_alternative<TimeTerm>(expression->node) && !std::holds_alternative<AllTerm>(expression->node);
  if (outside.filter.empty() || !bytes_decide) return expression;
  ExpressionPtr inside = MakeExpression(PacketTerm{outside.filter + PrintQuery(*expression), outside.necessary});
  return MakeExpression(OrNode{{expression, std::move(inside)}});
}

}  // namespace

ExpressionPtr WithInnerReading(const ExpressionPtr& expression) { return Read(expression, {}, IsTunnel); }

ExpressionPtr WithInnerReadingOfTags(const ExpressionPtr& expression) { return Read(expression, {}, IsTunnelOrTag); }

}  // namespace dashcap
