#include "daemon/index_thread.h"

#include <pthread.h>

#include <utility>

namespace dashcap {

IndexThread::IndexThread(LaneEventQueue& queue, TableThread& tables, size_t memory_limit,
                         std::function<void()> on_memory_full)
    : queue_(queue),
      tables_(tables),
      memory_limit_(memory_limit),
      on_memory_full_(std::move(on_memory_full)),
      thread_([this](std::stop_token stop) { Run(std::move(stop)); }) {}

void IndexThread::Finish() {
  thread_.request_stop();
  thread_.join();
}

void IndexThread::Run(std::stop_token stop) {
  ::pthread_setname_np(::pthread_self(), "indexer");
  while (auto event = queue_.Pop(stop)) {
    std::visit([this](const auto& what) { Take(what); }, *event);
  }
}

void IndexThread::Take(const BlockSealed& event) {
  const auto indexer = indexers_.try_emplace(event.file_id, event.file_id, event.link_type).first;
  indexer->second.Add(*event.block);
  if (indexer->second.memory_bytes() > memory_limit_) on_memory_full_();
}

void IndexThread::Take(const BlockfilePublished& event) {
  auto indexer = indexers_.extract(event.file_id);
  if (event.path.empty()) return;  // nothing of it was left
  if (indexer && event.complete) {
    tables_.Write(event.path, std::move(indexer.mapped()));
  } else {
    tables_.IndexLater(event.path);
  }
}

}  // namespace dashcap
