#include "base/time.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace dashcap {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// Epoch seconds by `date -u -d … +%s`.
TEST(Time, ReadsEveryFormOfTime) {
  struct Case {
    const char* text;
    int64_t nanoseconds;
  };
  const Case cases[] = {
      {"1970-01-01T00:00:00Z", 0},
      {"2026-11-24T02:10:00Z", 1795486200'000000000},
      {"2026-11-24t02:10:00z", 1795486200'000000000},
      {"2026-11-24 02:10:00Z", 1795486200'000000000},
      {"2026-11-24T02:10:00", 1795486200'000000000},
      {"2026-11-24T02:10", 1795486200'000000000},
      {"2026-11-24 02:10", 1795486200'000000000},
      {"2026-11-24T03:40+01:30", 1795486200'000000000},
      {"2026-11-23T21:10:00-05:00", 1795486200'000000000},
      {"2026-11-24", 1795478400'000000000},
      {"2026-11-24T02:10:00.5Z", 1795486200'500000000},
      {"2026-11-24T02:10:00.000000001Z", 1795486200'000000001},
      {"2026-11-24T02:10:00.123456789+00:00", 1795486200'123456789},
      {"2024-02-29T23:59:59Z", 1709251199'000000000},
      {"1969-12-31T23:59:59.75Z", -250000000},
      {"1795492168", 1795492168'000000000},
      {"1795492168.5", 1795492168'500000000},
      {"0.000000001", 1},
      {"1677-09-21T00:12:43.145224192Z", INT64_MIN},
      {"2262-04-11T23:47:16.854775807Z", INT64_MAX},
      {"9223372036.854775807", INT64_MAX},
  };
  for (const Case& c : cases) {
    const auto time = ParseTime(c.text);
    ASSERT_TRUE(time) << c.text << ": " << time.error().message;
    EXPECT_EQ(ToUnixNanoseconds(*time), c.nanoseconds) << c.text;
  }
}

TEST(Time, RefusesWhatIsNoTime) {
  const char* cases[] = {
      "",
      "now",
      "2026-11",
      "2026-11-24T",
      "2026-11-24T02",
      "2026-11-24T2:10",
      "2026-11-24T02:10:0",
      "2026-11-24T02:10:00.Z",
      "2026-11-24T02:10:00.1234567890Z",
      "2026-11-24T02:10:00+1:00",
      "2026-11-24T02:10:00+24:00",
      "2026-11-24T02:10:00+01:60",
      "2026-11-24T02:10:00ZZ",
      "2026-11-24T24:00:00Z",
      "2026-11-24T02:60:00Z",
      "2016-12-31T23:59:60Z",
      "2026-02-29",
      "2026-13-01",
      "2026-00-10",
      "2026-11-00",
      "26-11-24",
      "12026-11-24",
      "2026-11-24 ",
      " 2026-11-24",
      "1795492168.",
      ".5",
      "-1",
      "+1",
      "0x10",
      "1e9",
      "1795492168.1234567890",
      "1677-09-21T00:12:43.145224191Z",
      "2262-04-11T23:47:16.854775808Z",
      "9999-12-31",
      "0000-01-01",
      "9223372036.854775808",
      "999999999999999999",
      "9999999999999999999999999",
  };
  for (const char* text : cases) {
    const auto time = ParseTime(text);
    ASSERT_FALSE(time) << text;
    EXPECT_EQ(time.error().kind, ErrorKind::kInvalidInput) << text;
    EXPECT_THAT(time.error().message, testing::HasSubstr('"' + std::string(text) + '"'));
  }
}

TEST(Time, PrintsNineDecimalsInUtc) {
  EXPECT_EQ(FormatTime(FromUnixNanoseconds(0)), "1970-01-01T00:00:00.000000000Z");
  EXPECT_EQ(FormatTime(FromUnixNanoseconds(1795486200'123456789)), "2026-11-24T02:10:00.123456789Z");
  EXPECT_EQ(FormatTime(FromUnixNanoseconds(-1)), "1969-12-31T23:59:59.999999999Z");
  EXPECT_EQ(FormatTime(kMinTimestamp), "1677-09-21T00:12:43.145224192Z");
  EXPECT_EQ(FormatTime(kMaxTimestamp), "2262-04-11T23:47:16.854775807Z");
}

TEST(Time, ParsingWhatIsPrintedGivesTheSameTime) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 10'000; ++i) {
    const Timestamp time = FromUnixNanoseconds(static_cast<int64_t>(random()));
    const auto parsed = ParseTime(FormatTime(time));
    ASSERT_TRUE(parsed) << FormatTime(time);
    ASSERT_EQ(*parsed, time) << FormatTime(time);
  }
}

TEST(Duration, ReadsSumsAndFractions) {
  struct Case {
    const char* text;
    Nanoseconds duration;
  };
  const Case cases[] = {
      {"0s", seconds(0)},
      {"90s", seconds(90)},
      {"45m", minutes(45)},
      {"3h", hours(3)},
      {"2d", hours(48)},
      {"1w", hours(168)},
      {"1h30m", minutes(90)},
      {"30m1h", minutes(90)},
      {"1.5h", minutes(90)},
      {"250ms", milliseconds(250)},
      {"10us", microseconds(10)},
      {"7ns", Nanoseconds(7)},
      {"1m1ms", milliseconds(60'001)},
      {"0.000000001s", Nanoseconds(1)},
      {"106751d23h47m16s854ms775us807ns", Nanoseconds::max()},
  };
  for (const Case& c : cases) {
    const auto duration = ParseDuration(c.text);
    ASSERT_TRUE(duration) << c.text << ": " << duration.error().message;
    EXPECT_EQ(*duration, c.duration) << c.text;
  }
}

TEST(Duration, RefusesWhatIsNoDuration) {
  const char* cases[] = {
      "",
      "10",
      "0",
      "m",
      "1x",
      "1 h",
      "1h ",
      "-5m",
      "+5m",
      "1H",
      "1.h",
      ".5h",
      "1h30",
      "1,5h",
      "0.1ns",
      "1mm",
      "1hm",
      "1e3s",
      "1..5h",
      "293y",
      "15251w",
      "106752d",
      "999999999999999999999h",
      "106751d23h47m16s854ms775us808ns",
      "1.0000000001h",
      "100000d100000d",
  };
  for (const char* text : cases) {
    const auto duration = ParseDuration(text);
    EXPECT_FALSE(duration) << text;
  }
}

TEST(Duration, PrintsTheUnitsThatAreNeeded) {
  EXPECT_EQ(FormatDuration(seconds(0)), "0s");
  EXPECT_EQ(FormatDuration(minutes(90)), "1h30m");
  EXPECT_EQ(FormatDuration(milliseconds(250)), "250ms");
  EXPECT_EQ(FormatDuration(seconds(60)), "1m");
  EXPECT_EQ(FormatDuration(hours(240)), "10d");
  EXPECT_EQ(FormatDuration(Nanoseconds(1'000'001)), "1ms1ns");
  EXPECT_EQ(FormatDuration(-minutes(90)), "-1h30m");
  EXPECT_EQ(FormatDuration(Nanoseconds::max()), "106751d23h47m16s854ms775us807ns");
  EXPECT_EQ(FormatDuration(Nanoseconds::min()), "-106751d23h47m16s854ms775us808ns");
}

TEST(Duration, ParsingWhatIsPrintedGivesTheSameDuration) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 10'000; ++i) {
    const Nanoseconds duration(static_cast<int64_t>(random() >> (1 + random() % 62)));
    const auto parsed = ParseDuration(FormatDuration(duration));
    ASSERT_TRUE(parsed) << FormatDuration(duration);
    ASSERT_EQ(*parsed, duration) << FormatDuration(duration);
  }
}

TEST(TimeRange, IsHalfOpen) {
  const TimeRange range{FromUnixNanoseconds(10), FromUnixNanoseconds(20)};
  EXPECT_FALSE(range.Contains(FromUnixNanoseconds(9)));
  EXPECT_TRUE(range.Contains(FromUnixNanoseconds(10)));
  EXPECT_TRUE(range.Contains(FromUnixNanoseconds(19)));
  EXPECT_FALSE(range.Contains(FromUnixNanoseconds(20)));
  EXPECT_FALSE(range.empty());
  EXPECT_TRUE((TimeRange{FromUnixNanoseconds(20), FromUnixNanoseconds(20)}.empty()));
}

TEST(TimeRange, KnowsWhatItOverlapsAndCovers) {
  const TimeRange range{FromUnixNanoseconds(10), FromUnixNanoseconds(20)};
  struct Case {
    int64_t first, last;
    bool overlaps, covers;
  };
  const Case cases[] = {
      {0, 9, false, false},  {0, 10, true, false},  {10, 19, true, true},   {12, 12, true, true},
      {10, 20, true, false}, {19, 30, true, false}, {20, 30, false, false}, {0, 30, true, false},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(testing::Message() << c.first << " to " << c.last);
    EXPECT_EQ(range.Overlaps(FromUnixNanoseconds(c.first), FromUnixNanoseconds(c.last)), c.overlaps);
    EXPECT_EQ(range.Covers(FromUnixNanoseconds(c.first), FromUnixNanoseconds(c.last)), c.covers);
  }
}

TEST(TimeRange, IntersectionHoldsWhatBothHold) {
  const auto range = [](int64_t begin, int64_t end) {
    return TimeRange{FromUnixNanoseconds(begin), FromUnixNanoseconds(end)};
  };
  EXPECT_EQ(Intersect(range(10, 20), range(15, 30)), range(15, 20));
  EXPECT_EQ(Intersect(range(10, 20), range(0, 30)), range(10, 20));
  EXPECT_EQ(Intersect(range(10, 20), TimeRange{}), range(10, 20));
  EXPECT_TRUE(Intersect(range(10, 20), range(20, 30)).empty());
}

}  // namespace
}  // namespace dashcap
