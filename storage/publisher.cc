#include "storage/publisher.h"

#include <pthread.h>

#include <chrono>
#include <utility>

namespace dashcap {
namespace {

constexpr size_t kFilesAtMost = 16;

}  // namespace

Publisher::Publisher(LaneOptions::Sync sync) : sync_(sync), files_(kFilesAtMost), outcomes_(kFilesAtMost) {}

bool Publisher::TryPublish(std::unique_ptr<OpenBlockfile>& file) {
  if (unfinished_ == kFilesAtMost) return false;
  if (!thread_.joinable()) {
    thread_ = std::jthread([this](std::stop_token stop) { Run(std::move(stop)); });
    ::pthread_setname_np(thread_.native_handle(), "publisher");
  }
  unfinished_++;
  return files_.TryPush(file);
}

std::vector<Publisher::Outcome> Publisher::Collect() {
  std::vector<Outcome> outcomes;
  while (unfinished_ > 0) {
    if (!next_) next_ = outcomes_.PopUntil(std::stop_token(), std::chrono::steady_clock::time_point());
    if (!next_) break;
    outcomes.push_back(*std::move(next_));
    next_.reset();
    unfinished_--;
  }
  return outcomes;
}

void Publisher::WaitForOne() {
  if (!next_) next_ = outcomes_.Pop(std::stop_token());
}

void Publisher::Run(std::stop_token stop) {
  while (auto file = files_.Pop(stop)) {
    auto path = (*file)->Publish(sync_ != LaneOptions::Sync::kNone);
    Outcome outcome{std::move(*file), std::move(path)};
    // There is room for as many outcomes as for files.
    (void)outcomes_.TryPush(outcome);
  }
}

}  // namespace dashcap
