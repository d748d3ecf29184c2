#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <thread>

#include "daemon/index_feed.h"
#include "daemon/table_thread.h"
#include "indexer/file_indexer.h"

namespace dashcap {

// A lane's indexer thread: decodes the blocks as they are sealed and hands each finished file on to have its table
// written.
class IndexThread {
 public:
  // `on_memory_full` is called, from this thread, when the flow tables hold more than `memory_limit` bytes: the lane
  // should begin a new file.
  IndexThread(LaneEventQueue& queue, TableThread& tables, size_t memory_limit, std::function<void()> on_memory_full);

  // Works off the queue and ends. Requires: nothing is pushed any more.
  void Finish();

 private:
  void Run(std::stop_token stop);
  void Take(const BlockSealed& event);
  void Take(const BlockfilePublished& event);

  LaneEventQueue& queue_;
  TableThread& tables_;
  const size_t memory_limit_;
  const std::function<void()> on_memory_full_;
  std::map<uint64_t, FileIndexer> indexers_;  // by file id: the file in progress, and those not published yet
  std::jthread thread_;                       // last: it uses the others
};

}  // namespace dashcap
