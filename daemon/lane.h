#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "base/mutex.h"
#include "base/result.h"
#include "daemon/capture_source.h"
#include "daemon/index_feed.h"
#include "storage/lane_set.h"

namespace dashcap {

// What a lane has done so far, for the status file.
struct LaneStatus {
  std::string interface;
  std::string directory;
  InterfaceCounts counts;  // of all interfaces of the source together
  LaneCounts written;
  uint64_t lost_packets = 0;   // for which there was no block or file
  uint64_t files_skipped = 0;  // by the indexer, indexed later
  Timestamp last_packet{};
  bool ended = false;
  std::string failure;  // why it ended, if it should not have
  uint64_t rounds = 0;  // grows while the thread gets round, or waits for room on the disk
};

// One capture thread: takes packets from its source and writes them. After a stop was requested, or when the source
// ends, it drains and publishes everything.
class Lane {
 public:
  struct Settings {
    std::string name;
    LaneOptions options;
    std::optional<uint32_t> cpu;  // that the thread is bound to
    std::function<void(const std::string& lane_directory, const RecoveryReport&)> on_recovered;
  };
  // Opens the directory; nothing is captured before Start().
  static Result<std::unique_ptr<Lane>> Open(Settings settings, std::unique_ptr<CaptureSource> source,
                                            LaneEventQueue& queue);

  void Start();
  void RequestStop() { thread_.request_stop(); }
  // Waits until everything is published.
  void Join();
  // The next packet begins a new blockfile. Any thread.
  void RequestRotate() { rotate_ = true; }
  // Another filter from soon on, in a new blockfile; when it can't be, that is logged. Any thread.
  void RequestFilter(std::string text);
  // Any thread.
  LaneStatus status() const;

 private:
  Lane(Settings settings, std::unique_ptr<CaptureSource> source, LaneEventQueue& queue);

  void Run(std::stop_token stop);
  void Drain();
  bool PollOnce(std::chrono::milliseconds timeout);
  void Store(const Packet& packet);
  void Housekeep();
  void ChangeFilter();
  void Report(const Status& status);
  void PublishStatus(bool ended);

  std::atomic<uint64_t> rounds_ = 0;
  Settings settings_;
  std::unique_ptr<CaptureSource> source_;
  IndexFeed feed_;
  LaneSet writers_;
  size_t known_interfaces_ = 0;
  uint64_t lost_packets_ = 0;
  Timestamp last_packet_{};
  std::string failure_;
  std::chrono::steady_clock::time_point last_complaint_;
  std::chrono::steady_clock::time_point last_housekeeping_;

  std::atomic<bool> rotate_ = false;
  mutable Mutex mutex_;
  LaneStatus status_ DASHCAP_GUARDED_BY(mutex_);
  std::optional<std::string> wanted_filter_ DASHCAP_GUARDED_BY(mutex_);
  std::jthread thread_;
};

}  // namespace dashcap
