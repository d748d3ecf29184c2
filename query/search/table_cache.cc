#include "query/search/table_cache.h"

#include <algorithm>
#include <utility>

namespace dashcap {

Result<std::shared_ptr<const IndexTable>> TableCache::Get(const std::string& path, uint64_t file_id) {
  {
    MutexLock lock(mutex_);
    const auto known = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
      return entry.path == path && entry.table->summary().file_id == file_id;
    });
    if (known != entries_.end()) {
      entries_.splice(entries_.begin(), entries_, known);
      return entries_.front().table;
    }
  }
  auto opened = IndexTable::Open(path);
  if (!opened) return Fail(opened.error());
  auto table = std::make_shared<const IndexTable>(std::move(*opened));
  if (table->summary().file_id != file_id) return Fail(ErrorKind::kDamaged, path + ": belongs to another blockfile");
  MutexLock lock(mutex_);
  entries_.push_front({path, table});
  if (entries_.size() > capacity_) entries_.pop_back();
  return table;
}

}  // namespace dashcap
