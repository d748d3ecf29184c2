#include "query/search/file_info.h"

#include <utility>

namespace dashcap {
namespace {

void AddCounts(const std::vector<InterfaceCounts>& counts, FileInfo& info) {
  for (const InterfaceCounts& interface : counts) {
    info.counts.received += interface.received;
    info.counts.dropped_kernel += interface.dropped_kernel;
    info.counts.dropped_nic += interface.dropped_nic;
    info.counts.delivered += interface.delivered;
    info.counts.filtered += interface.filtered;
    info.counts.lost += interface.lost;
  }
}

}  // namespace

Result<BlockfileReader> OpenListed(const BlockfileEntry& entry) {
  auto reader = BlockfileReader::Open(entry.path());
  if (reader || reader.error().kind != ErrorKind::kNotFound || !entry.open) return reader;
  BlockfileEntry published = entry;
  published.open = false;
  return BlockfileReader::Open(published.path());
}

Result<FileInfo> ReadFileInfo(const BlockfileReader& reader) {
  auto last = reader.LastBlock();
  if (!last) return Fail(last.error());
  FileInfo info;
  if (!*last) return info;
  const ClosingRecord& closing = **last;
  info.packets = closing.first_packet_number + closing.packet_count;
  info.first_time = closing.file_first_time;
  info.last_time = closing.file_last_time;
  auto counts = reader.CountsAt(closing);
  if (!counts) return Fail(counts.error());
  AddCounts(*counts, info);
  return info;
}

Result<FileInfo> ReadFileInfo(const BlockfileEntry& entry) {
  auto reader = OpenListed(entry);
  if (!reader) return Fail(reader.error());
  return ReadFileInfo(*reader);
}

Result<FileInfo> ReadFirstCounts(const BlockfileEntry& entry) {
  auto reader = OpenListed(entry);
  if (!reader) return Fail(reader.error());
  std::vector<DamagedRange> damage;
  auto blocks = reader->Blocks(damage);
  if (!blocks) return Fail(blocks.error());
  FileInfo info;
  if (blocks->empty()) return info;
  auto closing = reader->Closing(blocks->front());
  if (!closing) return Fail(closing.error());
  auto counts = reader->CountsAt(*closing);
  if (!counts) return Fail(counts.error());
  AddCounts(*counts, info);
  return info;
}

Result<FileInfo> FileInfoCache::Get(const BlockfileEntry& entry) {
  if (entry.open) return ReadFileInfo(entry);
  {
    MutexLock lock(mutex_);
    if (const auto known = infos_.find(entry.path()); known != infos_.end()) return known->second;
  }
  auto info = ReadFileInfo(entry);
  if (!info) return info;
  MutexLock lock(mutex_);
  infos_.emplace(entry.path(), *info);
  return info;
}

void FileInfoCache::Keep(const std::vector<BlockfileEntry>& listed) {
  MutexLock lock(mutex_);
  std::map<std::string, FileInfo> kept;
  for (const BlockfileEntry& entry : listed) {
    if (auto node = infos_.extract(entry.path())) kept.insert(std::move(node));
  }
  infos_ = std::move(kept);
}

}  // namespace dashcap
