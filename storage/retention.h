#pragma once

#include <cstdint>
#include <optional>
#include <string>
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
// lane. Pinned files stay.
std::vector<BlockfileEntry> FilesToRemove(const std::vector<BlockfileEntry>& oldest_first,
                                          const RetentionLimits& limits, const DiskSpace& space, Timestamp now);

// Removes blockfile and index; the index goes first, so that a crash in between leaves a file that is indexed again.
Status RemoveBlockfile(const BlockfileEntry& file);

struct RetentionReport {
  uint64_t files_removed = 0;
  uint64_t bytes_removed = 0;
  std::optional<Timestamp> oldest;  // start of the oldest file that is left
  uint64_t archive_bytes = 0;
};

// One round over an archive directory.
Result<RetentionReport> ApplyRetention(const std::string& archive, const RetentionLimits& limits, Timestamp now);

}  // namespace dashcap
