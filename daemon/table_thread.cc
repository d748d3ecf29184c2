#include "daemon/table_thread.h"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

#include "base/log.h"

namespace dashcap {
namespace {

constexpr int kNice = 10;

void Report(const std::string& blockfile, const Status& status) {
  // Retention may have been faster.
  if (status || status.error().kind == ErrorKind::kNotFound) return;
  LogError("index {}: {}; queries will scan it", blockfile, status.error().message);
}

}  // namespace

TableThread::TableThread(size_t memory_limit) : memory_limit_(memory_limit), thread_([this] { Run(); }) {}

void TableThread::Write(std::string blockfile, FileIndexer indexer) {
  if (!TryHold(blockfile, indexer)) return IndexLater(std::move(blockfile));
  wake_.notify_one();
}

// Takes both over, unless false.
bool TableThread::TryHold(std::string& blockfile, FileIndexer& indexer) {
  const size_t memory = indexer.memory_bytes();
  MutexLock lock(mutex_);
  if (memory_held_ > 0 && memory_held_ + memory > memory_limit_) return false;
  memory_held_ += memory;
  finished_.push_back({std::move(blockfile), std::move(indexer)});
  return true;
}

void TableThread::IndexLater(std::string blockfile) {
  {
    MutexLock lock(mutex_);
    backlog_.push_back(std::move(blockfile));
  }
  wake_.notify_one();
}

void TableThread::Finish(bool with_backlog) {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    drop_backlog_ = !with_backlog;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

uint64_t TableThread::backlog() const {
  MutexLock lock(mutex_);
  return finished_.size() + backlog_.size();
}

void TableThread::Run() {
  ::pthread_setname_np(::pthread_self(), "tables");
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), kNice);
  while (WorkOnce()) {
  }
}

bool TableThread::WorkOnce() DASHCAP_THREAD_ANNOTATION(no_thread_safety_analysis) {
  mutex_.lock();
  wake_.wait(mutex_, [this]() DASHCAP_THREAD_ANNOTATION(no_thread_safety_analysis) {
    return stopping_ || !finished_.empty() || !backlog_.empty();
  });
  std::optional<Finished> finished;
  std::optional<std::string> unindexed;
  if (!finished_.empty()) {
    finished = std::move(finished_.front());
    finished_.pop_front();
  } else if (!backlog_.empty() && !drop_backlog_) {
    unindexed = std::move(backlog_.front());
    backlog_.pop_front();
  }
  mutex_.unlock();

  if (finished) {
    Report(finished->blockfile, finished->indexer.WriteTable(finished->blockfile));
    const size_t memory = finished->indexer.memory_bytes();
    finished.reset();
    MutexLock lock(mutex_);
    memory_held_ -= memory;
    return true;
  }
  if (unindexed) Report(*unindexed, IndexBlockfile(*unindexed));
  return unindexed.has_value();
}

}  // namespace dashcap
