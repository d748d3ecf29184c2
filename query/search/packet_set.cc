#include "query/search/packet_set.h"

#include <algorithm>
#include <bit>

namespace dashcap {
namespace {

constexpr uint64_t kBitsPerWord = 64;
constexpr uint64_t kBitsPerListed = 32;  // what a number takes in a list

}  // namespace

PacketSet::PacketSet(uint64_t expected, uint64_t packets)
    : form_(expected > packets / kBitsPerListed ? Form::kBits : Form::kList) {
  if (form_ == Form::kBits) {
    bits_.resize(packets / kBitsPerWord + 1);
  } else {
    list_.reserve(expected);
  }
}

void PacketSet::Add(uint32_t number) {
  if (form_ == Form::kBits) {
    bits_[number / kBitsPerWord] |= uint64_t{1} << number % kBitsPerWord;
  } else {
    list_.push_back(number);
  }
}

void PacketSet::Finish() { std::sort(list_.begin(), list_.end()); }

bool PacketSet::Contains(uint32_t number) const {
  switch (form_) {
    case Form::kAll:
      return true;
    case Form::kList:
      return std::binary_search(list_.begin(), list_.end(), number);
    case Form::kBits:
      return number / kBitsPerWord < bits_.size() && (bits_[number / kBitsPerWord] >> number % kBitsPerWord & 1) != 0;
  }
  return false;
}

void PacketSet::AppendThoseIn(const BlockSummary& block, std::vector<uint32_t>& out) const {
  const uint64_t begin = block.first_packet_number;
  const uint64_t end = begin + block.packet_count;
  if (form_ == Form::kList) {
    const auto first = std::lower_bound(list_.begin(), list_.end(), begin);
    out.insert(out.end(), first, std::lower_bound(first, list_.end(), end));
    return;
  }
  if (form_ == Form::kAll) {
    for (uint64_t number = begin; number < end; number++) out.push_back(static_cast<uint32_t>(number));
    return;
  }
  const uint64_t stop = std::min(end, bits_.size() * kBitsPerWord);
  for (uint64_t base = begin / kBitsPerWord * kBitsPerWord; base < stop; base += kBitsPerWord) {
    for (uint64_t word = bits_[base / kBitsPerWord]; word != 0; word &= word - 1) {
      const uint64_t number = base + static_cast<uint64_t>(std::countr_zero(word));
      if (begin <= number && number < end) out.push_back(static_cast<uint32_t>(number));
    }
  }
}

}  // namespace dashcap
