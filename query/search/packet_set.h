#pragma once

#include <cstdint>
#include <vector>

#include "storage/blockfile_reader.h"

namespace dashcap {

// The numbers of the packets of one blockfile that an answer takes: all, a sorted list when they are few, or a bit each
// when they are many, so never more than packets / 8 bytes.
class PacketSet {
 public:
  // Every packet of the file.
  static PacketSet All() { return PacketSet(); }
  // `expected` numbers or fewer out of `packets`, to be added.
  PacketSet(uint64_t expected, uint64_t packets);

  // Requires: number < packets, and not added before.
  void Add(uint32_t number);
  // To be called once, after the last Add.
  void Finish();

  bool Contains(uint32_t number) const;
  // Appends those of the block, ascending.
  void AppendThoseIn(const BlockSummary& block, std::vector<uint32_t>& out) const;

 private:
  enum class Form { kAll, kList, kBits };
  PacketSet() = default;

  Form form_ = Form::kAll;
  std::vector<uint32_t> list_;
  std::vector<uint64_t> bits_;
};

}  // namespace dashcap
