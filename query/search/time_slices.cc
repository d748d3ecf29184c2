#include "query/search/time_slices.h"

#include <algorithm>
#include <utility>

#include "query/language/fold.h"

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

// The query with its time terms decided as for a packet of that time; nullptr when nothing can match then.
ExpressionPtr WithTime(const ExpressionPtr& expression, Timestamp time) {
  return Fold(expression, [time](const Expression& term) {
    const auto* bounds = std::get_if<TimeTerm>(&term.node);
    return bounds ? std::optional(bounds->range.Contains(time)) : std::nullopt;
  });
}

}  // namespace

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
