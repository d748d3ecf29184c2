#include "base/page_memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <span>

namespace dashcap {
namespace {

TEST(PageMemory, IsZeroAlignedAndAtLeastAsLargeAsAsked) {
  for (const size_t size : {size_t{1}, PageMemory::kHugePage, PageMemory::kHugePage + 1, 3 * PageMemory::kHugePage}) {
    const PageMemory memory(size);
    EXPECT_GE(memory.size(), size);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(memory.data()) % PageMemory::kHugePage, 0u);
    const std::span<const uint8_t> bytes(memory.data(), memory.size());
    EXPECT_TRUE(std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0; }));
    std::fill_n(memory.data(), memory.size(), uint8_t{1});
  }
}

TEST(PageMemory, MovesAndComesEmpty) {
  PageMemory from(1);
  *from.data() = 7;
  PageMemory to = std::move(from);
  EXPECT_EQ(*to.data(), 7);
  const PageMemory none;
  EXPECT_EQ(none.size(), 0u);
  to = PageMemory();
  EXPECT_EQ(to.data(), nullptr);
}

}  // namespace
}  // namespace dashcap
