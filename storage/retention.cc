#include "storage/retention.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <map>

namespace dashcap {
namespace {

bool IsPinned(const BlockfileEntry& file) {
  std::string pin = file.index_path();
  pin.replace(pin.size() - (sizeof kIndexSuffix - 1), std::string::npos, ".pin");
  return ::access(pin.c_str(), F_OK) == 0;
}

Status Remove(const std::string& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return Fail(SystemError("remove " + path));
}

// How many bytes the limits want gone.
uint64_t BytesToFree(const RetentionLimits& limits, const DiskSpace& space, uint64_t archive_bytes) {
  const auto by_percent = static_cast<uint64_t>(static_cast<double>(space.total_bytes) * limits.min_free_percent / 100);
  const uint64_t wanted_free = std::max(by_percent, limits.min_free_bytes);
  uint64_t bytes = wanted_free > space.available_bytes ? wanted_free - space.available_bytes : 0;
  if (limits.max_bytes && archive_bytes > *limits.max_bytes) bytes = std::max(bytes, archive_bytes - *limits.max_bytes);
  return bytes;
}

}  // namespace

Result<DiskSpace> SpaceOf(const std::string& directory) {
  struct statvfs space;
  if (::statvfs(directory.c_str(), &space) != 0) return Fail(SystemError("space of " + directory));
  return DiskSpace{uint64_t{space.f_blocks} * space.f_frsize, uint64_t{space.f_bavail} * space.f_frsize};
}

std::vector<BlockfileEntry> FilesToRemove(const std::vector<BlockfileEntry>& oldest_first,
                                          const RetentionLimits& limits, const DiskSpace& space, Timestamp now) {
  uint64_t archive_bytes = 0;
  std::map<std::string, Timestamp> newest;  // published file of each lane
  for (const BlockfileEntry& file : oldest_first) {
    archive_bytes += file.bytes;
    if (!file.open) newest[file.lane_directory] = std::max(newest[file.lane_directory], file.start);
  }
  const uint64_t bytes_to_free = BytesToFree(limits, space, archive_bytes);

  std::vector<BlockfileEntry> remove;
  uint64_t freed = 0;
  for (size_t i = 0; i < oldest_first.size(); i++) {
    const BlockfileEntry& file = oldest_first[i];
    if (file.open || file.pinned || file.start == newest[file.lane_directory]) continue;
    const bool too_old =
        limits.max_age && file.newest_packet_before && now - *file.newest_packet_before > *limits.max_age;
    if (freed >= bytes_to_free && !too_old) continue;
    freed += file.bytes;
    remove.push_back(file);
  }
  return remove;
}

Status RemoveBlockfile(const BlockfileEntry& file) {
  if (Status status = Remove(file.index_path()); !status) return status;
  return Remove(file.path());
}

Result<RetentionReport> ApplyRetention(const std::string& archive, const RetentionLimits& limits, Timestamp now) {
  auto files = ListArchive(archive);
  if (!files) return Fail(files.error());
  auto space = SpaceOf(archive);
  if (!space) return Fail(space.error());
  // All packets of a file are older than the first one of the lane's next file, near enough for an age in hours or
  // days.
  std::map<std::string, BlockfileEntry*> previous;
  for (BlockfileEntry& file : *files) {
    file.pinned = IsPinned(file);
    if (BlockfileEntry* before = std::exchange(previous[file.lane_directory], &file))
      before->newest_packet_before = file.start;
  }

  RetentionReport report;
  std::vector<BlockfileEntry> remove = FilesToRemove(*files, limits, *space, now);
  for (const BlockfileEntry& file : remove) {
    if (Status status = RemoveBlockfile(file); !status) return Fail(status.error());
    report.files_removed++;
    report.bytes_removed += file.bytes;
  }
  for (const BlockfileEntry& file : *files) {
    const bool removed = std::find(remove.begin(), remove.end(), file) != remove.end();
    if (removed) continue;
    report.archive_bytes += file.bytes;
    if (!report.oldest) report.oldest = file.start;
  }
  return report;
}

}  // namespace dashcap
