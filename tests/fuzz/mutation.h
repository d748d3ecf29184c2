#pragma once

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <vector>

namespace dashcap {

// One of the seeds with one to eight things done to it that parsers trip over.
inline std::string Mutate(const std::vector<std::string>& seeds, std::mt19937_64& random) {
  const auto below = [&random](size_t limit) { return static_cast<size_t>(random() % limit); };
  std::string text = seeds[below(seeds.size())];
  constexpr size_t kMaxSize = 256 * 1024;
  for (size_t changes = 1 + below(8); changes > 0; changes--) {
    const size_t at = below(text.size() + 1);
    const size_t length = std::min(text.size() - at, 1 + below(16));
    switch (below(7)) {
      case 0:  // a bit
        if (at < text.size()) text[at] = static_cast<char>(text[at] ^ 1 << below(8));
        break;
      case 1:  // a byte
        if (at < text.size()) text[at] = static_cast<char>(random());
        break;
      case 2: {  // a number at the edge of its type, in either byte order
        constexpr std::array<uint32_t, 8> kEdges = {0, 1, 0x7f, 0x80, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff};
        const uint32_t edge = kEdges[below(kEdges.size())];
        const size_t width = size_t{1} << below(3);
        const bool big = below(2) == 0;
        for (size_t i = 0; i < width && at + i < text.size(); i++) {
          text[at + i] = static_cast<char>(edge >> 8 * (big ? width - 1 - i : i));
        }
        break;
      }
      case 3:
        text.resize(at);
        break;
      case 4:
        text.erase(at, length);
        break;
      case 5:  // a piece of it once more, up to a thousand times
        for (size_t times = below(8) == 0 ? below(1000) : 1; times > 0 && text.size() < kMaxSize; times--) {
          text.insert(at, std::string(text, at, length));
        }
        break;
      default: {  // a piece of another seed
        const std::string& other = seeds[below(seeds.size())];
        const size_t from = below(other.size() + 1);
        text.insert(at, other, from, below(64));
      }
    }
  }
  return text;
}

}  // namespace dashcap
