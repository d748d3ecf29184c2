#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace dashcap {

struct RecoveryReport {
  uint64_t files_published = 0;   // hidden blockfiles that were cut to their last sound block and published
  uint64_t files_empty = 0;       // hidden blockfiles without one sound packet, removed
  uint64_t bytes_cut = 0;
  uint64_t orphan_indexes = 0;    // indexes (published or hidden) without a blockfile, removed
  std::vector<std::string> unindexed;  // published blockfiles without an index, oldest first; the caller indexes them
};

// Puts a lane directory in order after a crash. Packets in sound blocks are never deleted. Space that was never written
// between two sound blocks is covered by a gap record, so that the file stays a valid pcapng. Requires: nobody writes there.
Result<RecoveryReport> RecoverLane(const std::string& lane_directory);

// Held by whoever writes into an archive directory's lane, so that two never do: flock on LANE/.lock.
class LaneLock;

}  // namespace dashcap
