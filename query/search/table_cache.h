#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>

#include "base/mutex.h"
#include "base/result.h"
#include "indexer/index_table.h"

namespace dashcap {

// Keeps the index tables that were used last open. Any thread.
class TableCache {
 public:
  explicit TableCache(size_t capacity) : capacity_(capacity) {}

  // The table at `path`; kDamaged when it does not belong to the blockfile with this id.
  Result<std::shared_ptr<const IndexTable>> Get(const std::string& path, uint64_t file_id);

 private:
  struct Entry {
    std::string path;
    std::shared_ptr<const IndexTable> table;
  };
  const size_t capacity_;
  Mutex mutex_;
  std::list<Entry> entries_ DASHCAP_GUARDED_BY(mutex_);  // most recently used first
};

}  // namespace dashcap
