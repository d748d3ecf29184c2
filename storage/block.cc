#include "storage/block.h"

namespace dashcap {

std::shared_ptr<BlockPool> BlockPool::Create(size_t block_count, Frames frames) {
  return std::shared_ptr<BlockPool>(new BlockPool(block_count, frames));
}

BlockPool::BlockPool(size_t block_count, Frames frames) : block_count_(block_count) {
  free_.reserve(block_count);
  for (size_t i = 0; i < block_count; i++) {
    free_.push_back(std::make_unique<SealedBlock>());
    free_.back()->memory = AlignedBuffer(kMaxBlockSize);
    if (frames == Frames::kOneEach) free_.back()->frame = AlignedBuffer(kMaxBlockSize);
    free_.back()->closing.pages.reserve(kMaxBlockSize / kPageSize);
  }
}

std::unique_ptr<SealedBlock> BlockPool::TryTake() {
  MutexLock lock(mutex_);
  if (free_.empty()) return nullptr;
  auto block = std::move(free_.back());
  free_.pop_back();
  return block;
}

std::shared_ptr<const SealedBlock> BlockPool::Share(std::unique_ptr<SealedBlock> block) {
  return {block.release(), [pool = shared_from_this()](const SealedBlock* returned) {
            pool->GiveBack(std::unique_ptr<SealedBlock>(const_cast<SealedBlock*>(returned)));
          }};
}

void BlockPool::GiveBack(std::unique_ptr<SealedBlock> block) {
  MutexLock lock(mutex_);
  free_.push_back(std::move(block));
}

}  // namespace dashcap
