#include "storage/block_compressor.h"

#include <pthread.h>

#include <chrono>
#include <utility>

#include "storage/zstd_frame.h"

namespace dashcap {

BlockCompressor::BlockCompressor(LaneOptions::Compression options, size_t block_count)
    : options_(options), most_waiting_(block_count / 2), given_(block_count), done_(block_count) {}

void BlockCompressor::Give(OpenBlockfile& file, std::unique_ptr<SealedBlock> block) {
  if (!thread_.joinable()) {
    thread_ = std::jthread([this](std::stop_token stop) { Run(std::move(stop)); });
    ::pthread_setname_np(thread_.native_handle(), "compressor");
  }
  Item item;
  item.file = &file;
  item.block = std::move(block);
  unfinished_++;
  waiting_.fetch_add(1, std::memory_order_relaxed);
  // There is room for every block that the lane has, in both queues.
  (void)given_.TryPush(item);
}

std::vector<BlockCompressor::Item> BlockCompressor::Collect() {
  std::vector<Item> items;
  while (unfinished_ > 0) {
    if (!next_) next_ = done_.PopUntil(std::stop_token(), std::chrono::steady_clock::time_point());
    if (!next_) break;
    items.push_back(*std::move(next_));
    next_.reset();
    unfinished_--;
  }
  return items;
}

void BlockCompressor::WaitForOne() {
  if (!next_) next_ = done_.Pop(std::stop_token());
}

void BlockCompressor::Run(std::stop_token stop) {
  ZstdCompressor zstd(options_.level);
  while (auto item = given_.Pop(stop)) {
    const bool behind = waiting_.fetch_sub(1, std::memory_order_relaxed) > most_waiting_;
    SealedBlock& block = *item->block;
    std::optional<size_t> used;
    if (behind && options_.behind == LaneOptions::Compression::Behind::kStorePlain) {
      item->outcome = Item::Outcome::kSkipped;
    } else {
      used = zstd.BeginFrame(block.records(), block.frame.span());
      if (!used) item->outcome = Item::Outcome::kIncompressible;
    }
    item->frame_used = used ? *used : BeginPlainFrame(block.records(), block.frame.span());
    (void)done_.TryPush(*item);
  }
}

}  // namespace dashcap
