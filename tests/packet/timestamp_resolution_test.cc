#include "packet/timestamp_resolution.h"

#include <gtest/gtest.h>

namespace dashcap {
namespace {

TEST(TimestampResolution, CountsPowersOfTenAndOfTwo) {
  struct Case {
    const char* label;
    TimestampResolution resolution;
    uint64_t ticks;
    int64_t nanoseconds;
  };
  const Case cases[] = {
      {"microseconds", {6, 0}, 1'700'000'000'123'456, 1'700'000'000'123'456'000},
      {"nanoseconds", {9, 0}, 1'700'000'000'123'456'789, 1'700'000'000'123'456'789},
      {"seconds", {0, 0}, 1'700'000'000, 1'700'000'000'000'000'000},
      {"picoseconds, rounded down", {12, 0}, 1'999, 1},
      {"the largest power of ten", {127, 0}, UINT64_MAX, 0},
      {"half seconds", {0x81, 0}, 3, 1'500'000'000},
      {"2^-10", {0x8a, 0}, 1025, 1'000'976'562},
      {"2^-32, as NTP", {0xa0, 0}, (uint64_t{5} << 32) + (uint64_t{1} << 31), 5'500'000'000},
      {"the largest power of two", {0xff, 0}, UINT64_MAX, 0},
      {"an offset", {9, 1'700'000'000}, 5, 1'700'000'000'000'000'005},
      {"a negative offset", {9, -1}, 5, -999'999'995},
      {"past what a timestamp holds", {0, 0}, UINT64_MAX, INT64_MAX},
      {"far before it", {9, INT64_MIN}, 0, INT64_MIN},
      {"far behind it", {9, INT64_MAX}, 0, INT64_MAX},
  };
  for (const Case& c : cases) EXPECT_EQ(ToUnixNanoseconds(c.resolution.ToTimestamp(c.ticks)), c.nanoseconds) << c.label;
}

}  // namespace
}  // namespace dashcap
