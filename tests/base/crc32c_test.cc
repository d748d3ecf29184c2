#include "base/crc32c.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <string_view>
#include <vector>

namespace dashcap {
namespace {

TEST(Crc32c, GivesTheVectorsOfRfc3720) {
  std::vector<uint8_t> bytes(32, 0);
  EXPECT_EQ(Crc32c(bytes), 0x8a9136aau);
  std::fill(bytes.begin(), bytes.end(), uint8_t{0xff});
  EXPECT_EQ(Crc32c(bytes), 0x62a8ab43u);
  std::iota(bytes.begin(), bytes.end(), uint8_t{0});
  EXPECT_EQ(Crc32c(bytes), 0x46dd794eu);
  std::reverse(bytes.begin(), bytes.end());
  EXPECT_EQ(Crc32c(bytes), 0x113fdb5cu);
}

TEST(Crc32c, GivesTheCheckValueOfTheAlgorithm) {
  constexpr std::string_view kDigits = "123456789";
  const std::vector<uint8_t> bytes(kDigits.begin(), kDigits.end());
  EXPECT_EQ(Crc32c(bytes), 0xe3069283u);
}

TEST(Crc32c, OfNothingIsZero) { EXPECT_EQ(Crc32c({}), 0u); }

TEST(Crc32c, DoesNotDependOnAlignment) {
  std::vector<uint8_t> bytes(32 + 16, 0);
  for (size_t offset = 0; offset < 16; ++offset) {
    std::iota(bytes.begin() + static_cast<ptrdiff_t>(offset), bytes.begin() + static_cast<ptrdiff_t>(offset + 32),
              uint8_t{0});
    EXPECT_EQ(Crc32c(std::span(bytes).subspan(offset, 32)), 0x46dd794eu) << offset;
  }
}

}  // namespace
}  // namespace dashcap
