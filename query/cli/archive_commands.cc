#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "indexer/index_table.h"
#include "query/answer/reports.h"
#include "query/cli/commands.h"
#include "query/cli/progress.h"
#include "query/cli/remote.h"
#include "query/search/search.h"
#include "storage/verify.h"

namespace dashcap {
namespace {

using FileList = std::vector<Archive::FileStatus>;

std::optional<FileList> ListFiles(const Target& target) {
  auto archive = Archive::Open(target.archives);
  if (!archive) {
    Complain(archive.error().message);
    return std::nullopt;
  }
  auto files = (*archive)->Files();
  if (!files) {
    Complain(files.error().message);
    return std::nullopt;
  }
  return std::move(*files);
}

const char* StateOf(const BlockfileEntry& file) {
  return file.open ? "open" : file.has_index ? "indexed" : "published";
}

void PrintFile(const Archive::FileStatus& file) {
  if (!file.problem.empty()) {
    fmt::print("{}  {}\n", file.file.path(), file.problem);
    return;
  }
  const bool empty = file.packets == 0;
  fmt::print("{}  {:9}  {:>12} bytes  {:>10} packets  {}  {}\n", file.file.path(), StateOf(file.file), file.file.bytes,
             file.packets, empty ? "-" : FormatTime(file.first_time), empty ? "-" : FormatTime(file.last_time));
}

void PrintStatus(const FileList& files) {
  struct Totals {
    uint64_t files = 0;
    uint64_t packets = 0;
    uint64_t bytes = 0;
    std::optional<Timestamp> oldest;
    std::optional<Timestamp> newest;
    InterfaceCounts counts;  // of the newest file
  };
  std::map<std::string, Totals> lanes;
  for (const Archive::FileStatus& file : files) {
    Totals& lane = lanes[file.file.lane_directory];
    lane.files++;
    lane.packets += file.packets;
    lane.bytes += file.file.bytes;
    if (file.packets == 0) continue;
    lane.counts = file.counts;
    lane.oldest = std::min(lane.oldest.value_or(file.first_time), file.first_time);
    lane.newest = std::max(lane.newest.value_or(file.last_time), file.last_time);
  }
  if (lanes.empty()) fmt::print("the archive holds no packets\n");
  for (const auto& [directory, lane] : lanes) {
    fmt::print("{}: {} packets and {} bytes in {} files", directory, lane.packets, lane.bytes, lane.files);
    if (lane.oldest) fmt::print(", {} to {}", FormatTime(*lane.oldest), FormatTime(*lane.newest));
    fmt::print("\n");
    const InterfaceCounts& counts = lane.counts;
    if (counts.received == 0) continue;
    fmt::print(
        "  since its recorder started: {} received, {} dropped by the kernel, {} by the interface, {} filtered, {} "
        "lost\n",
        counts.received, counts.dropped_kernel, counts.dropped_nic, counts.filtered, counts.lost);
  }
}

// What is wrong with the index of a sound blockfile; empty: nothing.
std::string IndexProblem(const BlockfileEntry& file, const VerifyReport& report) {
  auto table = IndexTable::Open(file.index_path());
  if (!table) return table.error().message;
  const uint64_t indexed = table->summary().packets;
  if (report.damage.empty() && indexed != report.packets) {
    return fmt::format("{}: tells of {} packets, the blockfile holds {}", file.index_path(), indexed, report.packets);
  }
  const Status read = table->ForEachFlow(nullptr, [](FlowId, const FlowRecord&) { return true; });
  return read ? "" : read.error().message;
}

struct Verified {
  uint64_t files = 0;
  uint64_t packets = 0;
  uint64_t problems = 0;
};

void VerifyFile(const BlockfileEntry& file, uint64_t bytes_before, uint64_t total, Progress& progress,
                Verified& verified) {
  auto report =
      VerifyBlockfile(file.path(), [&](uint64_t done) { progress.Show(file.path(), bytes_before + done, total); });
  if (!report) {
    Complain(report.error().message);
    verified.problems++;
    return;
  }
  verified.files++;
  verified.packets += report->packets;
  for (const DamagedRange& range : report->damage) {
    Complain(fmt::format("{} ({} bytes, {} packets lost)", range.reason, range.length, range.packets));
    verified.problems++;
  }
  for (const DamagedRange& range : report->never_written) {
    fmt::print("note: {} ({} bytes): the recorder was killed\n", range.reason, range.length);
  }
  if (!file.has_index) {
    fmt::print("note: {}: no index, queries scan it\n", file.path());
  } else if (const std::string problem = IndexProblem(file, *report); !problem.empty()) {
    Complain(problem);
    verified.problems++;
  }
}

}  // namespace

int RunStatus(const Target& target, bool json) {
  if (!target.url.empty()) return PrintRemote(target, "/api/v1/status", {});
  const auto files = ListFiles(target);
  if (!files) return kFailed;
  if (json) {
    fmt::print("{}", StatusReport(*files, ""));
  } else {
    PrintStatus(*files);
  }
  return kDone;
}

int RunFiles(const Target& target, bool json) {
  if (!target.url.empty()) return PrintRemote(target, "/api/v1/files", {});
  const auto files = ListFiles(target);
  if (!files) return kFailed;
  if (json) {
    fmt::print("{}", FilesReport(*files));
  } else {
    for (const Archive::FileStatus& file : *files) PrintFile(file);
  }
  return kDone;
}

int RunVerify(const Target& target) {
  const auto files = ListFiles(target);
  if (!files) return kFailed;
  uint64_t total = 0;
  for (const Archive::FileStatus& file : *files) total += file.file.open ? 0 : file.file.bytes;
  Verified verified;
  {
    Progress progress("verify");
    uint64_t done = 0;
    for (const Archive::FileStatus& file : *files) {
      if (file.file.open) continue;
      VerifyFile(file.file, done, total, progress, verified);
      done += file.file.bytes;
    }
  }
  fmt::print("{} blockfiles with {} packets verified, {} problems\n", verified.files, verified.packets,
             verified.problems);
  return verified.problems == 0 ? kDone : kFailed;
}

}  // namespace dashcap
