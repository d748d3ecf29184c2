#pragma once

#include <deque>
#include <set>

#include "base/bounded_queue.h"
#include "storage/lane_writer.h"

namespace dashcap {

using LaneEventQueue = BoundedQueue<LaneEvent>;

// The lane's end of the queue to its indexer, which never makes the lane wait: when the queue is full, the file in
// question is given up here and indexed later from disk. One thread.
class IndexFeed {
 public:
  explicit IndexFeed(LaneEventQueue& queue) : queue_(queue) {}

  void Send(LaneEvent event);
  // Tries again what must not get lost. To be called now and then.
  void Flush();
  bool empty() const { return waiting_.empty(); }
  // Files whose blocks the indexer could not take.
  uint64_t files_skipped() const { return files_skipped_; }

 private:
  LaneEventQueue& queue_;
  std::set<uint64_t> skipped_;     // file ids
  std::deque<LaneEvent> waiting_;  // only of files that were published
  uint64_t files_skipped_ = 0;
};

}  // namespace dashcap
