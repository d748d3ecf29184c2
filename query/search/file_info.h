#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "base/time.h"
#include "storage/blockfile_reader.h"
#include "storage/catalog.h"

namespace dashcap {

// What a search knows of a blockfile before it opens it.
struct FileInfo {
  uint64_t packets = 0;
  Timestamp first_time{};  // of its packets, earliest and latest; meaningless when there are none
  Timestamp last_time{};
  InterfaceCounts counts;  // of all interfaces together, since the recorder started
  uint64_t dropped() const { return counts.dropped_kernel + counts.dropped_nic + counts.lost; }
};

// Opens the blockfile, under its published name when it was published since the archive was listed.
Result<BlockfileReader> OpenListed(const BlockfileEntry& entry);

// Reads what is in the file's last block.
Result<FileInfo> ReadFileInfo(const BlockfileReader& reader);
Result<FileInfo> ReadFileInfo(const BlockfileEntry& entry);

// What the recorder had counted at the end of the file's first block.
Result<FileInfo> ReadFirstCounts(const BlockfileEntry& entry);

// Remembers the infos of published files, which don't change. Any thread.
class FileInfoCache {
 public:
  Result<FileInfo> Get(const BlockfileEntry& entry);
  // Forgets files that are no longer listed.
  void Keep(const std::vector<BlockfileEntry>& listed);

 private:
  Mutex mutex_;
  std::map<std::string, FileInfo> infos_ DASHCAP_GUARDED_BY(mutex_);
};

}  // namespace dashcap
