#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace dashcap {

// A moment of wall-clock time, nanoseconds since 1970-01-01T00:00:00Z without leap seconds, as packets carry it.
// Covers 1677 to 2262; readers of wider formats clamp.
using Nanoseconds = std::chrono::nanoseconds;
using Timestamp = std::chrono::sys_time<Nanoseconds>;

inline constexpr Timestamp kMinTimestamp = Timestamp::min();
inline constexpr Timestamp kMaxTimestamp = Timestamp::max();

inline constexpr Timestamp FromUnixNanoseconds(int64_t nanoseconds) { return Timestamp(Nanoseconds(nanoseconds)); }
inline constexpr int64_t ToUnixNanoseconds(Timestamp time) { return time.time_since_epoch().count(); }

// The wall clock. Only the rim of a program calls it; decisions take the time as an argument.
Timestamp Now();

// Half open: begin <= t < end. The default holds every timestamp but kMaxTimestamp itself.
struct TimeRange {
  Timestamp begin = kMinTimestamp;
  Timestamp end = kMaxTimestamp;

  bool Contains(Timestamp t) const { return begin <= t && t < end; }
  // Whether a packet between first and last, both inclusive, may be in the range.
  bool Overlaps(Timestamp first, Timestamp last) const { return first < end && last >= begin; }
  // Whether everything between first and last, both inclusive, is in the range.
  bool Covers(Timestamp first, Timestamp last) const { return begin <= first && last < end; }
  bool empty() const { return begin >= end; }
  bool operator==(const TimeRange&) const = default;
};

TimeRange Intersect(TimeRange a, TimeRange b);

// RFC 3339 in UTC, nine decimals: "2026-11-24T02:10:00.000000000Z". Parsing it gives the same timestamp.
std::string FormatTime(Timestamp time);

// RFC 3339 ("2026-11-24T02:10:00Z", any offset, up to nine decimals), "2026-11-24", "2026-11-24T02:10", with a space
// for the T, all UTC when no offset is given; or seconds since the epoch with up to nine decimals ("1795492168.5").
Result<Timestamp> ParseTime(std::string_view text);

// A length of time: a number and one of ns us ms s m h d w, or a sum of those: "90s", "1h30m", "1.5h".
Result<Nanoseconds> ParseDuration(std::string_view text);

// The shortest exact sum of units that ParseDuration reads: "1h30m", "250ms".
std::string FormatDuration(Nanoseconds duration);

}  // namespace dashcap
