#include "query/search/time_slices.h"

#include <algorithm>
#include <utility>

namespace dashcap {
namespace {

// A set that gives up when it has grown too large.
class Boundaries {
 public:
  explicit Boundaries(TimeRange range) : range_(range) {}

  void Add(const Expression& expression) {
    if (const auto* term = std::get_if<TimeTerm>(&expression.node)) {
      Add(term->range.begin);
      Add(term->range.end);
    } else if (const auto* negation = std::get_if<NotNode>(&expression.node)) {
      Add(*negation->child);
    } else if (const auto* all = std::get_if<AndNode>(&expression.node)) {
      for (const ExpressionPtr& child : all->children) Add(*child);
    } else if (const auto* any = std::get_if<OrNode>(&expression.node)) {
      for (const ExpressionPtr& child : any->children) Add(*child);
    }
  }

  bool too_many() const { return inside_.size() >= kMaxTimeSlices; }
  const std::vector<Timestamp>& inside() const { return inside_; }

 private:
  void Add(Timestamp time) {
    if (time <= range_.begin || time >= range_.end || too_many()) return;
    const auto at = std::lower_bound(inside_.begin(), inside_.end(), time);
    if (at == inside_.end() || *at != time) inside_.insert(at, time);
  }

  TimeRange range_;
  std::vector<Timestamp> inside_;  // sorted
};

ExpressionPtr All() {
  static const ExpressionPtr all = std::make_shared<const Expression>(Expression{AllTerm{}});
  return all;
}

ExpressionPtr WithTime(const ExpressionPtr& expression, Timestamp time);

// The children that are left when those equal to `neutral` are dropped; nullopt when one is `decisive`. Nothing at all
// is nullptr, everything is AllTerm.
template <class Node>
ExpressionPtr FoldChildren(const ExpressionPtr& expression, const Node& node, bool decisive, Timestamp time) {
  std::vector<ExpressionPtr> children;
  bool changed = false;
  for (const ExpressionPtr& child : node.children) {
    ExpressionPtr folded = WithTime(child, time);
    changed = changed || folded != child;
    const bool constant = !folded || IsAll(*folded);
    if (constant && (folded != nullptr) == decisive) return folded;
    if (!constant) children.push_back(std::move(folded));
  }
  if (children.empty()) return decisive ? nullptr : All();
  if (children.size() == 1) return children.front();
  if (!changed) return expression;
  return std::make_shared<const Expression>(Expression{Node{std::move(children)}});
}

// The query with its time terms decided as for a packet of that time; nullptr when nothing can match then.
ExpressionPtr WithTime(const ExpressionPtr& expression, Timestamp time) {
  if (const auto* term = std::get_if<TimeTerm>(&expression->node)) return term->range.Contains(time) ? All() : nullptr;
  if (const auto* node = std::get_if<AndNode>(&expression->node)) return FoldChildren(expression, *node, false, time);
  if (const auto* node = std::get_if<OrNode>(&expression->node)) return FoldChildren(expression, *node, true, time);
  const auto* node = std::get_if<NotNode>(&expression->node);
  if (!node) return expression;
  const ExpressionPtr child = WithTime(node->child, time);
  if (!child) return All();
  if (IsAll(*child)) return nullptr;
  if (child == node->child) return expression;
  return std::make_shared<const Expression>(Expression{NotNode{child}});
}

}  // namespace

bool IsAll(const Expression& expression) { return std::holds_alternative<AllTerm>(expression.node); }

std::optional<std::vector<TimeSlice>> SliceByTime(const ExpressionPtr& expression, TimeRange range) {
  std::vector<TimeSlice> slices;
  if (range.empty()) return slices;
  Boundaries boundaries(range);
  boundaries.Add(*expression);
  if (boundaries.too_many()) return std::nullopt;

  std::vector<Timestamp> ends = boundaries.inside();
  ends.push_back(range.end);
  Timestamp begin = range.begin;
  for (const Timestamp end : ends) {
    ExpressionPtr folded = WithTime(expression, begin);
    const TimeRange here{std::exchange(begin, end), end};
    if (!folded) continue;
    if (!slices.empty() && slices.back().range.end == here.begin && SameTree(*slices.back().expression, *folded)) {
      slices.back().range.end = end;
    } else {
      slices.push_back({here, std::move(folded)});
    }
  }
  return slices;
}

}  // namespace dashcap
