#include "base/nearest_word.h"

#include <algorithm>
#include <vector>

namespace dashcap {
namespace {

size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> before_last(b.size() + 1);
  std::vector<size_t> last(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); j++) last[j] = j;
  for (size_t i = 1; i <= a.size(); i++) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); j++) {
      const size_t substitution = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, substitution});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    before_last.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

}  // namespace

std::string_view NearestWord(std::string_view written, std::span<const std::string_view> words) {
  constexpr size_t kFarthest = 2;
  constexpr size_t kLongest = 64;  // nobody misspells that much; keeps the cost of hostile input small
  std::string_view nearest;
  if (written.size() > kLongest) return nearest;
  size_t least = kFarthest + 1;
  for (const std::string_view word : words) {
    const size_t distance = EditDistance(written, word);
    if (distance >= least || distance * 2 >= word.size()) continue;
    least = distance;
    nearest = word;
  }
  return nearest;
}

}  // namespace dashcap
