#include "packet/timestamp_resolution.h"

#include <algorithm>
#include <cstdint>

namespace dashcap {
namespace {

__extension__ using Int128 = __int128;

constexpr Int128 kNanosecondsPerSecond = 1'000'000'000;

Int128 PowerOfTen(unsigned exponent) {
  Int128 power = 1;
  for (; exponent > 0; --exponent) power *= 10;
  return power;
}

Int128 NanosecondsOf(uint64_t ticks, uint8_t resolution) {
  const unsigned exponent = resolution & 0x7f;
  if (resolution & 0x80) return ticks * kNanosecondsPerSecond >> exponent;
  if (exponent <= 9) return ticks * PowerOfTen(9 - exponent);
  constexpr unsigned kDigitsOfTicks = 20;
  return exponent - 9 > kDigitsOfTicks ? 0 : ticks / PowerOfTen(exponent - 9);
}

}  // namespace

Timestamp TimestampResolution::ToTimestamp(uint64_t ticks) const {
  const Int128 nanoseconds = NanosecondsOf(ticks, exponent) + offset_seconds * kNanosecondsPerSecond;
  return FromUnixNanoseconds(static_cast<int64_t>(std::clamp<Int128>(nanoseconds, INT64_MIN, INT64_MAX)));
}

}  // namespace dashcap
