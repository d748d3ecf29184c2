#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/mutex.h"
#include "storage/block_format.h"

namespace dashcap {

// A finished block in memory: it does not change any more, so the disk writer and the indexer read it at the same time.
struct SealedBlock {
  AlignedBuffer memory;
  AlignedBuffer frame;  // the block as it goes to the disk, where the lane compresses
  ClosingRecord closing;
  // What goes to the disk.
  std::span<const uint8_t> bytes() const {
    const bool plain = closing.packing == Packing::kPlain;
    return (plain ? memory : frame).span().first(closing.stored_length());
  }
  // The packet and statistics records, without the closing record.
  std::span<const uint8_t> records() const { return memory.span().first(closing.record_offset); }
};

// The bounded number of blocks that a lane has: free, being filled, being written, being indexed. Blocks come back when
// their last user lets go, from any thread.
class BlockPool : public std::enable_shared_from_this<BlockPool> {
 public:
  enum class Frames { kNone, kOneEach };
  static std::shared_ptr<BlockPool> Create(size_t block_count, Frames frames);

  // nullptr when all are in use.
  std::unique_ptr<SealedBlock> TryTake();
  // To share a sealed block; the last owner's release gives the memory back to the pool.
  std::shared_ptr<const SealedBlock> Share(std::unique_ptr<SealedBlock> block);
  void GiveBack(std::unique_ptr<SealedBlock> block);
  size_t block_count() const { return block_count_; }

 private:
  BlockPool(size_t block_count, Frames frames);
  const size_t block_count_;
  Mutex mutex_;
  std::vector<std::unique_ptr<SealedBlock>> free_ DASHCAP_GUARDED_BY(mutex_);
};

}  // namespace dashcap
