#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "indexer/flow_record.h"
#include "indexer/index_format.h"

namespace dashcap {

// Which flows have which attribute: gathered flow by flow, given out attribute by attribute.
class AttributeLists {
 public:
  // What is to come, so that memory is taken once.
  void Count(KeyKind kind) { At(kind).expected++; }
  void Reserve();
  // Requires: flows ascending, `value` of the kind's size.
  void Add(KeyKind kind, std::span<const uint8_t> value, FlowId flow);

  // Visits every attribute once, in the order of its keys, with its flows ascending and without repeats. Gives the
  // memory back on the way.
  void TakeAll(const std::function<void(const std::string& key, const std::vector<FlowId>& flows)>& visit);

 private:
  // A value of up to four bytes as a number, and the flow below it; or one of up to sixteen.
  using Short = uint64_t;
  struct Long {
    uint64_t high;
    uint64_t low;
    FlowId flow;
  };
  struct Kind {
    size_t expected = 0;
    std::vector<Short> shorts;
    std::vector<Long> longs;
  };

  Kind& At(KeyKind kind) { return kinds_[static_cast<uint8_t>(kind) - static_cast<uint8_t>(kFirstAttribute)]; }
  std::array<Kind, kAttributeKinds> kinds_;
};

}  // namespace dashcap
