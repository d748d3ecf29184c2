#include "indexer/attribute_lists.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <tuple>
#include <utility>

#include "base/byte_order.h"

namespace dashcap {
namespace {

constexpr size_t kMaxShort = 4;
constexpr size_t kMaxLong = 16;

// By the upper half, which is the value; the lower halves, the flows, are in order already and stay so. One pass over a
// byte of all values at a time, which for values that are many and spread costs a fraction of comparing them.
void SortByValue(std::vector<uint64_t>& entries) {
  constexpr unsigned kDigit = 8;
  constexpr size_t kDigits = 1 << kDigit;
  std::vector<uint64_t> other(entries.size());
  for (unsigned shift = 32; shift < 64; shift += kDigit) {
    std::array<size_t, kDigits> places{};
    for (const uint64_t entry : entries) places[entry >> shift & (kDigits - 1)]++;
    if (std::find(places.begin(), places.end(), entries.size()) != places.end()) continue;  // all have the same byte
    size_t place = 0;
    for (size_t& count : places) place += std::exchange(count, place);
    for (const uint64_t entry : entries) other[places[entry >> shift & (kDigits - 1)]++] = entry;
    entries.swap(other);
  }
}

std::string KeyOf(KeyKind kind, std::span<const uint8_t> value) {
  return SingleKey(kind) + std::string(reinterpret_cast<const char*>(value.data()), value.size());
}

// Visits runs of entries of one value. `Value` and `Flow` take an entry apart.
template <class Entry, class ValueOf, class FlowOf, class Visit>
void ForEachRun(const std::vector<Entry>& entries, ValueOf value_of, FlowOf flow_of, Visit visit) {
  std::vector<FlowId> flows;
  for (auto entry = entries.begin(); entry != entries.end();) {
    flows.clear();
    const Entry& first = *entry;
    for (; entry != entries.end() && value_of(*entry) == value_of(first); ++entry) {
      if (flows.empty() || flows.back() != flow_of(*entry)) flows.push_back(flow_of(*entry));
    }
    visit(first, flows);
  }
}

}  // namespace

void AttributeLists::Reserve() {
  for (size_t i = 0; i < kinds_.size(); i++) {
    const bool is_short = AttributeSize(static_cast<KeyKind>(static_cast<size_t>(kFirstAttribute) + i)) <= kMaxShort;
    if (is_short) {
      kinds_[i].shorts.reserve(kinds_[i].expected);
    } else {
      kinds_[i].longs.reserve(kinds_[i].expected);
    }
  }
}

void AttributeLists::Add(KeyKind kind, std::span<const uint8_t> value, FlowId flow) {
  assert(value.size() == AttributeSize(kind));
  if (value.size() <= kMaxShort) {
    uint64_t number = 0;
    for (const uint8_t byte : value) number = number << 8 | byte;
    At(kind).shorts.push_back(number << 32 | flow);
    return;
  }
  std::array<uint8_t, kMaxLong> padded{};
  std::copy(value.begin(), value.end(), padded.begin());
  At(kind).longs.push_back({LoadBig64(padded.data()), LoadBig64(&padded[8]), flow});
}

void AttributeLists::TakeAll(
    const std::function<void(const std::string& key, const std::vector<FlowId>& flows)>& visit) {
  for (size_t i = 0; i < kinds_.size(); i++) {
    const auto kind = static_cast<KeyKind>(static_cast<size_t>(kFirstAttribute) + i);
    const size_t size = AttributeSize(kind);
    const Kind taken = [this, i] {
      Kind all = std::move(kinds_[i]);
      SortByValue(all.shorts);
      std::sort(all.longs.begin(), all.longs.end(), [](const Long& a, const Long& b) {
        return std::tie(a.high, a.low, a.flow) < std::tie(b.high, b.low, b.flow);
      });
      return all;
    }();
    ForEachRun(
        taken.shorts, [](Short entry) { return entry >> 32; }, [](Short entry) { return static_cast<FlowId>(entry); },
        [&](Short first, const std::vector<FlowId>& flows) {
          std::array<uint8_t, kMaxShort> value;
          StoreBig32(value.data(), static_cast<uint32_t>(first >> 32));
          visit(KeyOf(kind, std::span(value).last(size)), flows);
        });
    ForEachRun(
        taken.longs, [](const Long& entry) { return std::pair(entry.high, entry.low); },
        [](const Long& entry) { return entry.flow; },
        [&](const Long& first, const std::vector<FlowId>& flows) {
          std::array<uint8_t, kMaxLong> value;
          StoreBig64(value.data(), first.high);
          StoreBig64(&value[8], first.low);
          visit(KeyOf(kind, std::span(value).first(size)), flows);
        });
  }
}

}  // namespace dashcap
