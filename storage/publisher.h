#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/bounded_queue.h"
#include "base/result.h"
#include "storage/lane_options.h"
#include "storage/open_blockfile.h"

namespace dashcap {

// Publishes the finished files of one lane on a thread of its own: a sync may take as long as the disk likes, and the
// lane must go on taking packets meanwhile. The thread begins with the first file, so that it has the privileges of
// whoever writes the lane. All members are called by the lane's thread.
class Publisher {
 public:
  explicit Publisher(LaneOptions::Sync sync);
  // Publishes what it was given before it ends.
  ~Publisher() = default;

  // False, and the file stays with the caller, when too many wait already. Requires: file->ReadyToPublish().
  bool TryPublish(std::unique_ptr<OpenBlockfile>& file);

  struct Outcome {
    std::unique_ptr<OpenBlockfile> file;
    Result<std::optional<std::string>> path;  // as OpenBlockfile::Publish gives it
  };
  // Those that are done by now.
  std::vector<Outcome> Collect();
  // Waits until Collect() has something to give. Requires: !idle().
  void WaitForOne();

  // Nothing is left to collect, now or later.
  bool idle() const { return unfinished_ == 0; }

 private:
  void Run(std::stop_token stop);

  const LaneOptions::Sync sync_;
  size_t unfinished_ = 0;
  std::optional<Outcome> next_;
  BoundedQueue<std::unique_ptr<OpenBlockfile>> files_;
  BoundedQueue<Outcome> outcomes_;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace dashcap
