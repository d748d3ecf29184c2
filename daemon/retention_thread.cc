#include "daemon/retention_thread.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace dashcap {
namespace {

// Whatever the settings say, this much stays free, so that a disk that others fill does not stop the recording.
constexpr uint64_t kEmergencyBytes = uint64_t{256} << 20;
constexpr uint64_t kEmergencyShare = 20;  // and no more than a twentieth of a small disk

}  // namespace

RetentionThread::RetentionThread(std::vector<std::string> archives, RetentionLimits limits, Nanoseconds interval)
    : archives_(std::move(archives)),
      limits_(limits),
      interval_(interval),
      thread_([this](std::stop_token stop) { Run(std::move(stop)); }) {}

std::vector<RetentionThread::ArchiveStatus> RetentionThread::status() const {
  MutexLock lock(mutex_);
  std::vector<ArchiveStatus> all;
  for (const auto& [directory, status] : status_) all.push_back(status);
  return all;
}

void RetentionThread::Run(std::stop_token stop) DASHCAP_THREAD_ANNOTATION(no_thread_safety_analysis) {
  ::pthread_setname_np(::pthread_self(), "retention");
  while (!stop.stop_requested()) {
    for (const std::string& archive : archives_) Round(archive);
    mutex_.lock();
    wake_.wait_for(mutex_, stop, interval_, [] { return false; });
    mutex_.unlock();
  }
}

void RetentionThread::Round(const std::string& archive) {
  ArchiveStatus round{archive, 0, {}, {}, 0, 0, ""};
  RetentionLimits limits = limits_;
  if (const auto space = SpaceOf(archive)) {
    round.space = *space;
    limits.min_free_bytes = std::min(kEmergencyBytes, space->total_bytes / kEmergencyShare);
  }
  const auto report = ApplyRetention(archive, limits, Now());
  if (report) {
    round.bytes = report->archive_bytes;
    round.oldest = report->oldest;
    round.files_removed = report->files_removed;
    round.bytes_removed = report->bytes_removed;
  } else {
    round.failure = report.error().message;
  }
  MutexLock lock(mutex_);
  ArchiveStatus& known = status_[archive];
  if (!round.failure.empty() && round.failure != known.failure) LogError("retention: {}", round.failure);
  round.files_removed += known.files_removed;
  round.bytes_removed += known.bytes_removed;
  known = std::move(round);
}

}  // namespace dashcap
