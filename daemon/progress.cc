#include "daemon/progress.h"

#include <algorithm>

namespace dashcap {

bool Progressed(const std::vector<LaneStatus>& before, const std::vector<LaneStatus>& now) {
  return std::equal(
      before.begin(), before.end(), now.begin(), now.end(),
      [](const LaneStatus& then, const LaneStatus& lane) { return lane.ended || lane.rounds != then.rounds; });
}

}  // namespace dashcap
