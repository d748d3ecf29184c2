#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "daemon/lane.h"
#include "daemon/retention_thread.h"

namespace dashcap {

// What the recorder tells the outside, once a second: RUNTIME_DIRECTORY/status.json, replaced by rename.
struct RecorderStatus {
  Timestamp started{};
  Timestamp now{};
  std::vector<LaneStatus> lanes;
  std::vector<RetentionThread::ArchiveStatus> archives;
  uint64_t index_backlog = 0;  // files
};

std::string FormatStatus(const RecorderStatus& status);
Status WriteStatusFile(const std::string& runtime_directory, const RecorderStatus& status);

}  // namespace dashcap
