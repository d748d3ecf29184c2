#pragma once

#include <span>
#include <string_view>

namespace dashcap {

// The word of the list that was perhaps meant: the one with the least edit distance (Levenshtein, neighbours swapped
// count once), at most two and less than half of its length. Empty when there is none.
std::string_view NearestWord(std::string_view written, std::span<const std::string_view> words);

}  // namespace dashcap
