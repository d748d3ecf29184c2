#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "daemon/capture_source.h"
#include "daemon/gap_watch.h"
#include "daemon/index_feed.h"
#include "storage/lane_set.h"

namespace dashcap {

// What a lane has done so far, for the status file.
struct LaneStatus {
  struct OfInterface {
    std::string name;
    InterfaceCounts counts;  // as the source has them, and what was lost
    PacketCounts packets;
  };
  std::string interface;
  std::string directory;
  std::vector<OfInterface> interfaces;
  LaneCounts written;
  uint64_t unplaced_packets = 0;  // lost, because their interface could not be given a lane
  uint64_t files_skipped = 0;     // by the indexer, indexed later
  Timestamp last_packet{};
  // Everything that arrived before is on the disk, or told of by TakeGaps().
  Timestamp complete_until{};
  std::optional<Timestamp> last_recovered;  // the latest packet that was there before
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
  // What is missing, told of once. Any thread.
  std::vector<Gap> TakeGaps();

 private:
  Lane(Settings settings, std::unique_ptr<CaptureSource> source, LaneEventQueue& queue);

  void Run(std::stop_token stop);
  void Drain();
  bool PollOnce(std::chrono::milliseconds timeout);
  void Store(const Packet& packet);
  void Housekeep();
  void ChangeFilter();
  // Takes the source's counters into the statistics of the blocks, and what is missing into the gaps.
  void Account(Timestamp now);
  void NoteRecovery(const std::string& directory, const RecoveryReport& report);
  void Complain(const Status& status);
  void LookWhetherItWorksAgain();
  void PublishStatus(bool ended);

  std::atomic<uint64_t> rounds_ = 0;
  Settings settings_;
  std::unique_ptr<CaptureSource> source_;
  IndexFeed feed_;
  LaneSet writers_;
  size_t known_interfaces_ = 0;
  std::vector<InterfaceCounts> counts_;  // of those, when they were looked at last
  uint64_t unplaced_packets_ = 0;
  bool complaining_ = false;
  PacketCounts seen_;  // when they were looked at last
  Timestamp last_packet_{};
  Timestamp delivered_until_{};  // what arrived before has been handed to Store()
  GapWatch watch_;
  std::string failure_;
  std::chrono::steady_clock::time_point last_housekeeping_;

  std::atomic<bool> rotate_ = false;
  mutable Mutex mutex_;
  LaneStatus status_ DASHCAP_GUARDED_BY(mutex_);
  std::optional<std::string> wanted_filter_ DASHCAP_GUARDED_BY(mutex_);
  std::vector<Gap> gaps_ DASHCAP_GUARDED_BY(mutex_);
  std::jthread thread_;
};

}  // namespace dashcap
