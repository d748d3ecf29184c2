#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "query/search/file_answer.h"
#include "query/search/file_info.h"
#include "query/search/table_cache.h"

namespace dashcap {

// A blockfile that may hold something of the answer.
struct CandidateFile {
  BlockfileEntry entry;
  FileInfo info;
};

// Decides for each blockfile how it is answered. Shared by all searches. Any thread.
class FileOpener {
 public:
  // The index of a published blockfile, if it has a sound one; nullptr means scanning. `why` then says why.
  std::shared_ptr<const IndexTable> TableOf(const BlockfileEntry& entry, const BlockfileReader& reader,
                                            std::string& why);

  // nullptr when the file has gone, or can't be read at all; `missing` then says so.
  Result<std::unique_ptr<FileAnswer>> Open(const BlockfileEntry& entry, const Question& question, Missing& missing,
                                           SearchStatistics& statistics);

  void IgnoreIndexes(bool ignore) { ignore_indexes_ = ignore; }

 private:
  static constexpr size_t kOpenTables = 128;
  TableCache tables_{kOpenTables};
  std::atomic<bool> ignore_indexes_ = false;
};

// Puts what could not be opened where the user sees it.
void NoteUnreadable(const BlockfileEntry& entry, const Error& error, Missing& missing);

}  // namespace dashcap
