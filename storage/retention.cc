#include "storage/retention.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

namespace dashcap {
namespace {

constexpr Nanoseconds kShortestPause = std::chrono::milliseconds(10);

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

// Further in the future than the archive reaches into the past is not believable.
Timestamp LatestBelievable(const std::vector<BlockfileEntry>& oldest_first, Timestamp now) {
  const bool has_past = !oldest_first.empty() && oldest_first.front().start < now;
  const Nanoseconds span = has_past ? now - oldest_first.front().start : Nanoseconds(0);
  return now + std::min<Nanoseconds>(span, kMaxTimestamp - now);
}

}  // namespace

Result<DiskSpace> SpaceOf(const std::string& directory) {
  struct statvfs space;
  if (::statvfs(directory.c_str(), &space) != 0) return Fail(SystemError("space of " + directory));
  return DiskSpace{uint64_t{space.f_blocks} * space.f_frsize, uint64_t{space.f_bavail} * space.f_frsize};
}

std::vector<BlockfileEntry> FilesToRemove(const std::vector<BlockfileEntry>& oldest_first,
                                          const RetentionLimits& limits, const DiskSpace& space, Timestamp now) {
  const Timestamp latest = LatestBelievable(oldest_first, now);
  uint64_t archive_bytes = 0;
  std::map<std::string, Timestamp> newest;  // published file of each lane
  for (const BlockfileEntry& file : oldest_first) {
    archive_bytes += file.bytes;
    const auto known = newest.find(file.lane_directory);
    const bool younger = known == newest.end() || file.start <= latest || known->second > latest;
    if (!file.open && younger) newest[file.lane_directory] = file.start;
  }
  const uint64_t bytes_to_free = BytesToFree(limits, space, archive_bytes);

  std::vector<BlockfileEntry> remove;
  uint64_t freed = 0;
  const auto consider = [&](const BlockfileEntry& file) {
    if (file.open || file.pinned || file.start == newest[file.lane_directory]) return;
    const bool too_old =
        limits.max_age && file.newest_packet_before && now - *file.newest_packet_before > *limits.max_age;
    if (freed >= bytes_to_free && !too_old) return;
    freed += file.bytes;
    remove.push_back(file);
  };
  const auto unbelievable = std::partition_point(oldest_first.begin(), oldest_first.end(),
                                                 [latest](const BlockfileEntry& file) { return file.start <= latest; });
  std::for_each(unbelievable, oldest_first.end(), consider);
  std::for_each(oldest_first.begin(), unbelievable, consider);
  return remove;
}

Status RemoveBlockfile(const BlockfileEntry& file) {
  if (Status status = Remove(file.index_path()); !status) return status;
  if (Status status = Remove(file.path()); !status) return status;
  return Remove(file.index_path());
}

// A lane that can't be listed must not keep the others from being looked after.
Result<std::vector<BlockfileEntry>> Retention::List(std::string& failure) {
  auto lanes = ListLanes(archive_);
  if (!lanes) return Fail(lanes.error());
  std::map<std::string, std::vector<BlockfileEntry>> listed;
  std::vector<BlockfileEntry> files;
  for (const std::string& lane : *lanes) {
    auto of_lane = ListLaneWithoutSizes(lane);
    if (!of_lane) {
      if (of_lane.error().kind != ErrorKind::kNotFound && failure.empty()) failure = of_lane.error().message;
      continue;
    }
    Measure(*of_lane, listed_[lane]);
    // All packets of a file are older than the first one of the lane's next file, near enough for an age in hours or
    // days.
    for (size_t i = 0; i + 1 < of_lane->size(); i++) (*of_lane)[i].newest_packet_before = (*of_lane)[i + 1].start;
    files.insert(files.end(), of_lane->begin(), of_lane->end());
    listed.emplace(lane, std::move(*of_lane));
  }
  listed_ = std::move(listed);
  std::stable_sort(files.begin(), files.end(),
                   [](const BlockfileEntry& a, const BlockfileEntry& b) { return a.start < b.start; });
  return files;
}

void Retention::Measure(std::vector<BlockfileEntry>& of_lane, const std::vector<BlockfileEntry>& before) const {
  auto known = before.begin();
  for (BlockfileEntry& file : of_lane) {
    while (known != before.end() && known->start < file.start) ++known;
    const bool same = known != before.end() && known->start == file.start && !known->open && !file.open &&
                      known->has_index == file.has_index;
    file.bytes = same ? known->bytes : SizeOf(file);
  }
}

Result<RetentionReport> Retention::Round(const RetentionLimits& limits, Timestamp now) {
  RetentionReport report;
  auto files = List(report.failure);
  if (!files) return Fail(files.error());
  auto space = SpaceOf(archive_);
  if (!space) return Fail(space.error());
  std::set<std::string> stuck;
  do {
    std::set<std::string> gone;
    stuck.clear();
    for (const BlockfileEntry& file : FilesToRemove(*files, limits, *space, now)) {
      if (Status status = RemoveBlockfile(file); !status) {
        stuck.insert(file.path());
        if (report.failure.empty()) report.failure = status.error().message;
        continue;
      }
      gone.insert(file.path());
      report.files_removed++;
      report.bytes_removed += file.bytes;
      space->available_bytes += file.bytes;
    }
    if (!gone.empty()) std::erase_if(*files, [&gone](const auto& file) { return gone.contains(file.path()); });
    // What can't be removed stays, and the next ones go in its place.
    if (!stuck.empty())
      std::for_each(files->begin(), files->end(), [&stuck](auto& f) { f.pinned |= stuck.contains(f.path()); });
  } while (!stuck.empty());
  for (const BlockfileEntry& file : *files) report.archive_bytes += file.bytes;
  if (!files->empty()) report.oldest = files->front().start;
  return report;
}

Nanoseconds NextRoundIn(const RetentionLimits& limits, double bytes_per_second, Nanoseconds longest) {
  uint64_t allowance = UINT64_MAX;
  if (limits.max_bytes) allowance = *limits.max_bytes / kRoundsShare;
  if (limits.min_free_bytes > 0) allowance = std::min(allowance, limits.min_free_bytes / 2);
  if (bytes_per_second <= 0) return longest;
  const double seconds = static_cast<double>(allowance) / bytes_per_second;
  const double longest_seconds = std::chrono::duration<double>(longest).count();
  const auto due = std::chrono::duration<double>(std::min(seconds, longest_seconds));
  return std::max(std::chrono::duration_cast<Nanoseconds>(due), std::min<Nanoseconds>(kShortestPause, longest));
}

}  // namespace dashcap
