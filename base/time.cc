#include "base/time.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

namespace dashcap {
namespace {

constexpr int64_t kNanosecondsPerSecond = 1'000'000'000;
constexpr size_t kMaxDecimals = 9;

// Wide enough for any number that passes the digit limits below, times any unit.
using Wide = __int128;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool TakeChar(std::string_view& text, std::string_view one_of) {
  if (text.empty() || one_of.find(text[0]) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

// Takes all digits off the front, if they are between `min` and `max` in number.
std::optional<int64_t> TakeNumber(std::string_view& text, size_t min, size_t max) {
  int64_t number = 0;
  size_t digits = 0;
  for (; digits < text.size() && IsDigit(text[digits]); ++digits) {
    if (digits == max) return std::nullopt;
    number = number * 10 + (text[digits] - '0');
  }
  if (digits < min) return std::nullopt;
  text.remove_prefix(digits);
  return number;
}

// ".25" gives 250000000; 0 when there is no point.
std::optional<int64_t> TakeBillionths(std::string_view& text) {
  if (!TakeChar(text, ".")) return 0;
  const size_t before = text.size();
  auto number = TakeNumber(text, 1, kMaxDecimals);
  if (!number) return std::nullopt;
  for (size_t digits = before - text.size(); digits < kMaxDecimals; ++digits) *number *= 10;
  return number;
}

std::optional<std::chrono::sys_days> TakeDate(std::string_view& text) {
  const auto year = TakeNumber(text, 4, 4);
  if (!year || !TakeChar(text, "-")) return std::nullopt;
  const auto month = TakeNumber(text, 2, 2);
  if (!month || !TakeChar(text, "-")) return std::nullopt;
  const auto day = TakeNumber(text, 2, 2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date);
}

// "02:10" as seconds.
std::optional<int64_t> TakeHoursAndMinutes(std::string_view& text) {
  const auto hours = TakeNumber(text, 2, 2);
  if (!hours || *hours > 23 || !TakeChar(text, ":")) return std::nullopt;
  const auto minutes = TakeNumber(text, 2, 2);
  if (!minutes || *minutes > 59) return std::nullopt;
  return *hours * 3600 + *minutes * 60;
}

// "Z", "+01:00" or nothing, as seconds east of Greenwich.
std::optional<int64_t> TakeOffset(std::string_view& text) {
  if (text.empty() || TakeChar(text, "Zz")) return 0;
  const bool west = text[0] == '-';
  if (!TakeChar(text, "+-")) return std::nullopt;
  const auto offset = TakeHoursAndMinutes(text);
  if (!offset) return std::nullopt;
  return west ? -*offset : *offset;
}

// Nanoseconds since the epoch; nullopt when it isn't such a time.
std::optional<Wide> CalendarTime(std::string_view text) {
  const auto date = TakeDate(text);
  if (!date) return std::nullopt;
  Wide seconds = std::chrono::sys_seconds(*date).time_since_epoch().count();
  if (text.empty()) return seconds * kNanosecondsPerSecond;

  if (!TakeChar(text, "Tt ")) return std::nullopt;
  const auto minute = TakeHoursAndMinutes(text);
  if (!minute) return std::nullopt;
  seconds += *minute;
  int64_t nanoseconds = 0;
  if (TakeChar(text, ":")) {
    const auto second = TakeNumber(text, 2, 2);
    const auto billionths = TakeBillionths(text);
    if (!second || *second > 59 || !billionths) return std::nullopt;
    seconds += *second;
    nanoseconds = *billionths;
  }
  const auto offset = TakeOffset(text);
  if (!offset || !text.empty()) return std::nullopt;
  return (seconds - *offset) * kNanosecondsPerSecond + nanoseconds;
}

std::optional<Wide> EpochTime(std::string_view text) {
  const auto seconds = TakeNumber(text, 1, 18);
  const auto billionths = TakeBillionths(text);
  if (!seconds || !billionths || !text.empty()) return std::nullopt;
  return Wide{*seconds} * kNanosecondsPerSecond + *billionths;
}

struct Unit {
  std::string_view name;
  int64_t nanoseconds;
};
constexpr std::array<Unit, 8> kUnits = {{
    {"w", 604'800 * kNanosecondsPerSecond},
    {"d", 86'400 * kNanosecondsPerSecond},
    {"h", 3'600 * kNanosecondsPerSecond},
    {"m", 60 * kNanosecondsPerSecond},
    {"s", kNanosecondsPerSecond},
    {"ms", 1'000'000},
    {"us", 1'000},
    {"ns", 1},
}};

const Unit* TakeUnit(std::string_view& text) {
  const auto end = std::find_if(text.begin(), text.end(), [](char c) { return c < 'a' || c > 'z'; });
  const auto name = text.substr(0, static_cast<size_t>(end - text.begin()));
  const auto unit = std::find_if(kUnits.begin(), kUnits.end(), [name](const Unit& u) { return u.name == name; });
  if (unit == kUnits.end()) return nullptr;
  text.remove_prefix(name.size());
  return unit;
}

}  // namespace

Timestamp Now() { return std::chrono::time_point_cast<Nanoseconds>(std::chrono::system_clock::now()); }

TimeRange Intersect(TimeRange a, TimeRange b) { return {std::max(a.begin, b.begin), std::min(a.end, b.end)}; }

std::string FormatTime(Timestamp time) {
  // By the second, because midnight before kMinTimestamp has no nanosecond timestamp.
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const auto day = std::chrono::floor<std::chrono::days>(seconds);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(seconds - day);
  const int64_t remainder = ToUnixNanoseconds(time) % kNanosecondsPerSecond;
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(),
                     remainder < 0 ? remainder + kNanosecondsPerSecond : remainder);
}

Result<Timestamp> ParseTime(std::string_view text) {
  auto nanoseconds = CalendarTime(text);
  if (!nanoseconds) nanoseconds = EpochTime(text);
  if (!nanoseconds) {
    return Fail(ErrorKind::kInvalidInput,
                fmt::format("time \"{}\": expected a time like 2026-11-24T02:10:00Z, 2026-11-24T02:10, 2026-11-24 or "
                            "seconds since 1970",
                            text));
  }
  if (*nanoseconds < ToUnixNanoseconds(kMinTimestamp) || *nanoseconds > ToUnixNanoseconds(kMaxTimestamp)) {
    return Fail(ErrorKind::kInvalidInput, fmt::format("time \"{}\": outside the years 1677 to 2262", text));
  }
  return FromUnixNanoseconds(static_cast<int64_t>(*nanoseconds));
}

Result<Nanoseconds> ParseDuration(std::string_view text) {
  Wide total = 0;
  std::string_view rest = text;
  do {
    const auto whole = TakeNumber(rest, 1, 18);
    const auto billionths = TakeBillionths(rest);
    const Unit* unit = whole && billionths ? TakeUnit(rest) : nullptr;
    if (!unit) {
      return Fail(
          ErrorKind::kInvalidInput,
          fmt::format("duration \"{}\": expected a number with a unit (ns us ms s m h d w), like 90s or 1h30m", text));
    }
    const Wide fraction = Wide{*billionths} * unit->nanoseconds;
    if (fraction % kNanosecondsPerSecond != 0) {
      return Fail(ErrorKind::kInvalidInput, fmt::format("duration \"{}\": finer than a nanosecond", text));
    }
    total += Wide{*whole} * unit->nanoseconds + fraction / kNanosecondsPerSecond;
    if (total > std::numeric_limits<int64_t>::max()) {
      return Fail(ErrorKind::kInvalidInput, fmt::format("duration \"{}\": longer than 292 years", text));
    }
  } while (!rest.empty());
  return Nanoseconds(static_cast<int64_t>(total));
}

std::string FormatDuration(Nanoseconds duration) {
  const int64_t count = duration.count();
  if (count == 0) return "0s";
  std::string text = count < 0 ? "-" : "";
  // Unsigned, because the least duration has no positive counterpart.
  uint64_t rest = count < 0 ? 0 - static_cast<uint64_t>(count) : static_cast<uint64_t>(count);
  for (const Unit& unit : kUnits) {
    if (unit.name == "w") continue;  // "10d" reads better than "1w3d"
    const uint64_t size = static_cast<uint64_t>(unit.nanoseconds);
    if (rest >= size) text += fmt::format("{}{}", rest / size, unit.name);
    rest %= size;
  }
  return text;
}

}  // namespace dashcap
