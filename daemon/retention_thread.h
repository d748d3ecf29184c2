#pragma once

#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "storage/retention.h"

namespace dashcap {

// Removes the oldest blockfiles of each archive directory when its limits say so, in short rounds; the shorter, the
// faster the archive grows.
class RetentionThread {
 public:
  // `interval`: the longest pause between two rounds.
  RetentionThread(const std::vector<std::string>& archives, RetentionLimits limits, Nanoseconds interval);

  struct ArchiveStatus {
    std::string directory;
    uint64_t bytes = 0;
    DiskSpace space;
    std::optional<Timestamp> oldest;
    uint64_t files_removed = 0;  // since the start
    uint64_t bytes_removed = 0;
    std::string failure;  // of the last round
  };
  // Any thread.
  std::vector<ArchiveStatus> status() const;

 private:
  void Run(std::stop_token stop);
  // Gives the time to the next one.
  Nanoseconds Round(const std::string& archive, Retention& retention);
  double GrowthOf(const ArchiveStatus& round);

  std::map<std::string, Retention> archives_;
  const RetentionLimits limits_;
  const Nanoseconds interval_;
  mutable Mutex mutex_;
  std::condition_variable_any wake_;
  std::map<std::string, ArchiveStatus> status_ DASHCAP_GUARDED_BY(mutex_);
  struct Growth {
    uint64_t bytes = 0;
    std::chrono::steady_clock::time_point when;
    double bytes_per_second = 0;
  };
  std::map<std::string, Growth> growth_;  // of each archive
  std::jthread thread_;
};

}  // namespace dashcap
