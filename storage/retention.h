#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "storage/catalog.h"

namespace dashcap {

struct RetentionLimits {
  double min_free_percent = 10;        // of the file system; 0: no such limit
  uint64_t min_free_bytes = 0;         // whichever of the two is more
  std::optional<uint64_t> max_bytes;   // of blockfiles and indexes together
  std::optional<Nanoseconds> max_age;  // from the newest packet of a file to now
};

struct DiskSpace {
  uint64_t total_bytes = 0;
  uint64_t available_bytes = 0;  // to unprivileged users
};

Result<DiskSpace> SpaceOf(const std::string& directory);

// Which files have to go, oldest first, no more than needed. Never an open file, never the newest published file of a
// lane. Pinned files stay. A file that is further in the future than the archive reaches into the past was written
// under a clock that was wrong, and goes first: or else files written since would be taken for the oldest.
std::vector<BlockfileEntry> FilesToRemove(const std::vector<BlockfileEntry>& oldest_first,
                                          const RetentionLimits& limits, const DiskSpace& space, Timestamp now);

// Removes blockfile and index; the index goes first, so that a crash in between leaves a file that is indexed again.
// Once more at the end, because its writer may just have renamed it into place.
Status RemoveBlockfile(const BlockfileEntry& file);

struct RetentionReport {
  uint64_t files_removed = 0;
  uint64_t bytes_removed = 0;
  std::optional<Timestamp> oldest;  // start of the oldest file that is left
  uint64_t archive_bytes = 0;       // of what is left
  std::string failure;              // the first file or lane that could not be dealt with; the others were
};

// Keeps an archive directory within limits. What a published file holds doesn't change, so its size is asked for once,
// and a round over many files costs little more than reading their names. One thread.
class Retention {
 public:
  explicit Retention(std::string archive) : archive_(std::move(archive)) {}

  Result<RetentionReport> Round(const RetentionLimits& limits, Timestamp now);

 private:
  Result<std::vector<BlockfileEntry>> List(std::string& failure);
  void Measure(std::vector<BlockfileEntry>& of_lane, const std::vector<BlockfileEntry>& before) const;

  const std::string archive_;
  std::map<std::string, std::vector<BlockfileEntry>> listed_;  // the last time, by lane directory
};

// When the next round is due, so that the archive stays within a hundredth of max_bytes and the disk within its reserve:
// the time in which it grows by a quarter of that, or by half of the reserve, at `bytes_per_second`, but not later than
// `longest`.
inline constexpr uint64_t kRoundsShare = 400;  // of max_bytes, between two rounds
Nanoseconds NextRoundIn(const RetentionLimits& limits, double bytes_per_second, Nanoseconds longest);

}  // namespace dashcap
