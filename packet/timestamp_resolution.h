#pragma once

#include <cstdint>

#include "base/time.h"

namespace dashcap {

// What the timestamps of a pcapng interface count: if_tsresol and if_tsoffset.
struct TimestampResolution {
  uint8_t exponent = 6;  // if_tsresol as it stands: a power of 10, or with the top bit set of 2
  int64_t offset_seconds = 0;

  // Rounded down to nanoseconds, clamped to what a Timestamp holds.
  Timestamp ToTimestamp(uint64_t ticks) const;
};

}  // namespace dashcap
