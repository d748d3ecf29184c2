#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace dashcap {

// Why packets of some time are not in the archive. The numbers stand in gap journals.
enum class GapReason : uint16_t {
  kStopped = 1,        // the recorder was stopped in good order
  kKilled = 2,         // it ended without saying so: kill -9, power cut
  kInterfaceDown = 3,  // there was nothing to record from
  kKernelDrops = 4,    // the ring was full
  kNicDrops = 5,       // the interface had no room
  kNotStored = 6,      // the disk didn't take them
  kNeverWritten = 7,   // on their way to the disk when the recorder was killed
};

// "recorder_stopped", "kernel_drops", …
std::string_view NameOf(GapReason reason);
std::optional<GapReason> GapReasonOf(uint16_t number);

// A stretch of time of which something is missing. Half open; `end` is kMaxTimestamp while it lasts.
struct Gap {
  Timestamp begin{};
  Timestamp end{};
  GapReason reason = GapReason::kStopped;
  uint64_t packets = 0;   // missing, when that is known; else 0
  std::string interface;  // empty: all of the lane
  bool operator==(const Gap&) const = default;

  bool lasts() const { return end == kMaxTimestamp; }
  bool Overlaps(TimeRange range) const { return begin < range.end && range.begin < end; }
};

// Drops, losses and links that are down come second by second. Whether `next` continues `gap`, being of the same kind
// and not more than a second away; `gap` then covers both.
bool JoinGaps(Gap& gap, const Gap& next);

// Joins it to the latest of the same kind, or adds it.
void AddGap(std::vector<Gap>& gaps, Gap gap);

}  // namespace dashcap
