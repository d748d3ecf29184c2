#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "base/bounded_queue.h"
#include "storage/block.h"
#include "storage/lane_options.h"
#include "storage/open_blockfile.h"

namespace dashcap {

// Begins the frames of one lane's blocks on a thread of its own and gives the blocks back in the order in which they
// came. When more than half of the lane's blocks wait and options.behind allows it, a block gets a plain frame, which
// costs a copy. The thread begins with the first block, so that it has the privileges of whoever writes the lane. All
// members are called by the lane's thread.
class BlockCompressor {
 public:
  // A lane never has more than `block_count` blocks.
  BlockCompressor(LaneOptions::Compression options, size_t block_count);

  struct Item {
    OpenBlockfile* file = nullptr;
    std::unique_ptr<SealedBlock> block;
    size_t frame_used = 0;  // of block->frame, for EndFrame
    enum class Outcome { kCompressed, kIncompressible, kSkipped } outcome = Outcome::kCompressed;
  };
  // Requires: block->frame is kMaxBlockSize long, and the records leave kFrameReserve.
  void Give(OpenBlockfile& file, std::unique_ptr<SealedBlock> block);
  // Those that are done by now.
  std::vector<Item> Collect();
  // Waits until Collect() has something to give. Requires: !idle().
  void WaitForOne();
  // Nothing is left to collect, now or later.
  bool idle() const { return unfinished_ == 0; }

 private:
  void Run(std::stop_token stop);

  const LaneOptions::Compression options_;
  const size_t most_waiting_;
  size_t unfinished_ = 0;
  std::optional<Item> next_;
  std::atomic<size_t> waiting_ = 0;
  BoundedQueue<Item> given_;
  BoundedQueue<Item> done_;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace dashcap
