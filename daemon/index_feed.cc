#include "daemon/index_feed.h"

#include <utility>

namespace dashcap {

void IndexFeed::Send(LaneEvent event) {
  if (auto* sealed = std::get_if<BlockSealed>(&event)) {
    if (skipped_.contains(sealed->file_id)) return;
    const uint64_t file_id = sealed->file_id;
    if (queue_.TryPush(event)) return;
    skipped_.insert(file_id);
    files_skipped_++;
    return;
  }
  auto& published = std::get<BlockfilePublished>(event);
  if (skipped_.erase(published.file_id) > 0) published.complete = false;
  waiting_.push_back(std::move(event));
  Flush();
}

void IndexFeed::Flush() {
  while (!waiting_.empty() && queue_.TryPush(waiting_.front())) waiting_.pop_front();
}

}  // namespace dashcap
