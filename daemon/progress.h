#pragma once

#include <vector>

#include "daemon/lane.h"

namespace dashcap {

// Whether every lane that still records has got round since; both lists are of the same lanes. What systemd's watchdog is
// told: a lane that hangs for long is better started again. Waiting for packets, or for room on a full disk, is no
// hanging.
bool Progressed(const std::vector<LaneStatus>& before, const std::vector<LaneStatus>& now);

}  // namespace dashcap
