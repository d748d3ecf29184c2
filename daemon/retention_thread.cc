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

std::map<std::string, Retention> Each(const std::vector<std::string>& archives) {
  std::map<std::string, Retention> each;
  for (const std::string& archive : archives) each.emplace(archive, archive);
  return each;
}

}  // namespace

RetentionThread::RetentionThread(const std::vector<std::string>& archives, RetentionLimits limits, Nanoseconds interval)
    : archives_(Each(archives)),
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
    Nanoseconds pause = interval_;
    for (auto& [archive, retention] : archives_) pause = std::min(pause, Round(archive, retention));
    mutex_.lock();
    wake_.wait_for(mutex_, stop, pause, [] { return false; });
    mutex_.unlock();
  }
}

Nanoseconds RetentionThread::Round(const std::string& archive, Retention& retention) {
  ArchiveStatus round{archive, 0, {}, {}, 0, 0, ""};
  RetentionLimits limits = limits_;
  // What comes until the next round has its place, too.
  if (limits.max_bytes) *limits.max_bytes -= *limits.max_bytes / kRoundsShare;
  if (const auto space = SpaceOf(archive)) {
    round.space = *space;
    limits.min_free_bytes = std::min(kEmergencyBytes, space->total_bytes / kEmergencyShare);
  }
  const auto report = retention.Round(limits, Now());
  if (report) {
    round.bytes = report->archive_bytes;
    round.oldest = report->oldest;
    round.files_removed = report->files_removed;
    round.bytes_removed = report->bytes_removed;
    round.failure = report->failure;
  } else {
    round.failure = report.error().message;
  }
  const Nanoseconds next = report ? NextRoundIn(limits, GrowthOf(round), interval_) : interval_;
  MutexLock lock(mutex_);
  ArchiveStatus& known = status_[archive];
  if (!round.failure.empty() && round.failure != known.failure) LogError("retention: {}", round.failure);
  round.files_removed += known.files_removed;
  round.bytes_removed += known.bytes_removed;
  known = std::move(round);
  return next;
}

// Half of what it was at least: blocks come in one piece, so that short rounds see nothing grow now and then.
double RetentionThread::GrowthOf(const ArchiveStatus& round) {
  const auto now = std::chrono::steady_clock::now();
  Growth& before = growth_[round.directory];
  const double seconds = std::chrono::duration<double>(now - before.when).count();
  const uint64_t bytes = round.bytes + round.bytes_removed;
  const bool grown = before.when != std::chrono::steady_clock::time_point() && bytes > before.bytes;
  const double rate = grown ? static_cast<double>(bytes - before.bytes) / seconds : 0;
  before = {round.bytes, now, std::max(rate, before.bytes_per_second / 2)};
  return before.bytes_per_second;
}

}  // namespace dashcap
