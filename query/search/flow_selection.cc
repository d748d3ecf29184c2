#include "query/search/flow_selection.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "query/language/fold.h"
#include "query/language/matcher.h"
#include "query/search/attribute_lookups.h"

namespace dashcap {
namespace {

using Candidates = std::optional<std::vector<FlowId>>;

// So few flows that looking at each costs less than narrowing them by another attribute.
constexpr size_t kFewFlows = 256;

void Unite(std::vector<FlowId>& flows, const std::vector<FlowId>& more) {
  const auto middle = static_cast<std::ptrdiff_t>(flows.size());
  flows.insert(flows.end(), more.begin(), more.end());
  std::inplace_merge(flows.begin(), flows.begin() + middle, flows.end());
  flows.erase(std::unique(flows.begin(), flows.end()), flows.end());
}

Result<Candidates> OfTerm(const IndexTable& table, const Expression& term) {
  if (const auto* packet_term = std::get_if<PacketTerm>(&term.node)) {
    return packet_term->necessary ? CandidateFlows(table, *packet_term->necessary) : Candidates{};
  }
  const auto lookups = LookupsFor(term);
  if (!lookups) return Candidates{};
  std::vector<FlowId> flows;
  for (const AttributeRange& range : *lookups) {
    auto found = range.first == range.last ? table.FlowsWith(range.first) : table.FlowsBetween(range.first, range.last);
    if (!found) return Fail(found.error());
    Unite(flows, *found);
  }
  return Candidates(std::move(flows));
}

Result<Candidates> OfAnd(const IndexTable& table, const AndNode& node) {
  std::vector<std::pair<int, const Expression*>> children;
  for (const ExpressionPtr& child : node.children) children.emplace_back(Selectivity(*child), child.get());
  std::stable_sort(children.begin(), children.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  Candidates left;
  for (const auto& [selectivity, child] : children) {
    auto more = CandidateFlows(table, *child);
    if (!more) return more;
    if (!*more) continue;
    if (!left) {
      left = std::move(**more);
    } else {
      std::vector<FlowId> both;
      std::set_intersection(left->begin(), left->end(), (*more)->begin(), (*more)->end(), std::back_inserter(both));
      left = std::move(both);
    }
    if (left->size() <= kFewFlows) break;
  }
  return left;
}

Result<Candidates> OfOr(const IndexTable& table, const OrNode& node) {
  std::vector<FlowId> flows;
  for (const ExpressionPtr& child : node.children) {
    auto more = CandidateFlows(table, *child);
    if (!more || !*more) return more;
    Unite(flows, **more);
  }
  return Candidates(std::move(flows));
}

}  // namespace

Result<Candidates> CandidateFlows(const IndexTable& table, const Expression& expression) {
  if (const auto* node = std::get_if<AndNode>(&expression.node)) return OfAnd(table, *node);
  if (const auto* node = std::get_if<OrNode>(&expression.node)) return OfOr(table, *node);
  if (std::holds_alternative<NotNode>(expression.node)) return Candidates{};
  return OfTerm(table, expression);
}

Status ForEachMatchingFlow(const IndexTable& table, const ExpressionPtr& expression, TimeRange range,
                           const std::function<bool(const MatchingFlow&)>& visit) {
  auto candidates = CandidateFlows(table, *expression);
  if (!candidates) return Fail(candidates.error());
  const std::vector<FlowId>* ids = *candidates ? &**candidates : nullptr;
  if (ids && ids->empty()) return {};
  const ExpressionPtr all = MakeExpression(AllTerm{});
  const bool asks_packets = AsksPackets(*expression);
  const auto asked = [&](const FlowKey& key) -> ExpressionPtr {
    if (asks_packets) return Fold(expression, [&key](const Expression& term) { return DecideByKey(term, key); });
    constexpr Timestamp kAnyTime{};
    return Matches(*expression, key, kAnyTime) ? all : nullptr;
  };
  return table.ForEachFlow(ids, [&](FlowId id, const FlowRecord& record) {
    if (!range.Overlaps(record.first_time, record.last_time)) return true;
    MatchingFlow flow{id, record, nullptr, nullptr};
    if (record.packets[0] > 0) flow.forward = asked(record.key);
    if (record.packets[1] > 0) flow.reverse = asked(Reversed(record.key));
    return (!flow.forward && !flow.reverse) || visit(flow);
  });
}

}  // namespace dashcap
