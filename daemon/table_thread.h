#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <thread>

#include "base/mutex.h"
#include "indexer/file_indexer.h"

namespace dashcap {

// Writes index tables, away from the threads that packets pass through: first those of files that were just finished,
// then those of files that have to be read again (after a crash, or when an indexer had fallen behind). One for all
// lanes; any thread may call it.
class TableThread {
 public:
  // The flows of finished files, waiting here or being written, take no more than `memory_limit` bytes, unless a single
  // file's do.
  explicit TableThread(size_t memory_limit);
  ~TableThread() { Finish(false); }

  // Writes the table of a finished file; when there is no room for its flows, indexes it later from disk.
  void Write(std::string blockfile, FileIndexer indexer);
  // Indexes the file from disk when there is nothing more urgent.
  void IndexLater(std::string blockfile);

  // Writes what is finished; files that have to be read again only if asked to, the next start finds them otherwise.
  void Finish(bool with_backlog);

  uint64_t backlog() const;

 private:
  struct Finished {
    std::string blockfile;
    FileIndexer indexer;
  };

  void Run();
  bool WorkOnce();
  bool TryHold(std::string& blockfile, FileIndexer& indexer);

  const size_t memory_limit_;
  mutable Mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<Finished> finished_ DASHCAP_GUARDED_BY(mutex_);
  size_t memory_held_ DASHCAP_GUARDED_BY(mutex_) = 0;  // by what is finished and what is being written
  std::deque<std::string> backlog_ DASHCAP_GUARDED_BY(mutex_);
  bool stopping_ DASHCAP_GUARDED_BY(mutex_) = false;
  bool drop_backlog_ DASHCAP_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace dashcap
