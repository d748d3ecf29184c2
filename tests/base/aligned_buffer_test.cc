#include "base/aligned_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "base/sanitizers.h"

namespace dashcap {
namespace {

// Of this process, in KiB.
size_t HugePages() {
  std::ifstream smaps("/proc/self/smaps_rollup");
  for (std::string word; smaps >> word;) {
    size_t kibibytes = 0;
    if (word == "AnonHugePages:" && smaps >> kibibytes) return kibibytes;
  }
  return 0;
}

TEST(AlignedBufferTest, IsAlignedAndHoldsWhatIsWritten) {
  for (const size_t size : {size_t{1}, size_t{4096}, size_t{5000}, size_t{1} << 20}) {
    AlignedBuffer buffer(size);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.data()) % AlignedBuffer::kAlignment, 0u) << size;
    EXPECT_EQ(buffer.span().size(), size);
    std::fill(buffer.span().begin(), buffer.span().end(), uint8_t{7});
    AlignedBuffer moved = std::move(buffer);
    EXPECT_EQ(std::count(moved.span().begin(), moved.span().end(), 7), static_cast<std::ptrdiff_t>(size));
  }
}

TEST(AlignedBufferTest, BlocksLieInHugePagesWhereTheSystemGivesThem) {
  if (kGuardsHeap) GTEST_SKIP() << "built to find overruns";
  std::ifstream setting("/sys/kernel/mm/transparent_hugepage/enabled");
  std::string modes;
  std::getline(setting, modes);
  if (modes.find("[madvise]") == std::string::npos && modes.find("[always]") == std::string::npos)
    GTEST_SKIP() << "no transparent huge pages here: " << modes;
  constexpr size_t kBlock = size_t{1} << 20;
  const size_t before = HugePages();
  std::vector<AlignedBuffer> blocks;
  for (int i = 0; i < 32; i++) blocks.emplace_back(kBlock);
  for (AlignedBuffer& block : blocks) std::fill(block.span().begin(), block.span().end(), uint8_t{1});
  EXPECT_GE(HugePages(), before + 16 * 1024);
}

}  // namespace
}  // namespace dashcap
