#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/file_descriptor.h"
#include "base/result.h"
#include "storage/gap.h"

namespace dashcap {

struct RecoveryReport {
  uint64_t files_published = 0;  // hidden blockfiles that were cut to their last sound block and published
  uint64_t files_empty = 0;      // hidden blockfiles without one sound packet, removed
  uint64_t bytes_cut = 0;
  uint64_t orphan_indexes = 0;           // indexes (published or hidden) without a blockfile, removed
  std::vector<std::string> unindexed;    // published blockfiles without an index, oldest first; the caller indexes them
  std::vector<Gap> gaps;                 // where blocks were never written between others that were
  std::optional<Timestamp> last_packet;  // of the lane's newest published blockfile
  std::vector<std::string> failures;     // what is left as it is, because the disk refused
};

// Puts a lane directory in order after a crash. Packets in sound blocks are never deleted. Space that was never written
// between two sound blocks is covered by a gap record, and a damaged header block is made anew, so that the file stays a
// valid pcapng. Opens hidden blockfiles and the newest published one only, so that its time does not depend on what the
// archive holds. Requires: a LaneLock.
Result<RecoveryReport> RecoverLane(const std::string& lane_directory);

// Held by whoever writes into a lane, so that two never do: flock(2) on LANE/.lock, given back by destruction or death.
class LaneLock {
 public:
  // Makes the lane directory when it is missing. kUnavailable when another process holds the lane.
  static Result<LaneLock> Take(const std::string& lane_directory);

  // Whether it is the directory's lock still: somebody may have removed the directory, or mounted over it.
  bool InPlace() const;

 private:
  LaneLock(std::string path, FileDescriptor file) : path_(std::move(path)), file_(std::move(file)) {}
  std::string path_;
  FileDescriptor file_;
};

}  // namespace dashcap
