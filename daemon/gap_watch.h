#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/time.h"
#include "packet/capture_writer.h"
#include "packet/packet.h"
#include "storage/gap.h"

namespace dashcap {

// Turns what a source counts into gaps: what was dropped between two looks at the counters lies between their times.
// One thread; all times are arguments.
class GapWatch {
 public:
  // `counts` are cumulative, by interface; there may be more of them each time.
  void Look(Timestamp now, std::span<const Interface> interfaces, std::span<const InterfaceCounts> counts, bool down);

  // Packets that came in and are not stored, between two times, both inclusive.
  void Lost(const std::string& interface, uint64_t packets, Timestamp first, Timestamp last);

  // Those since the last call.
  std::vector<Gap> TakeGaps();

 private:
  Timestamp last_look_{};
  bool looked_ = false;
  std::vector<InterfaceCounts> seen_;
  std::vector<Gap> gaps_;
};

}  // namespace dashcap
