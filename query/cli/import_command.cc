#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>

#include "indexer/file_indexer.h"
#include "packet/capture_reader.h"
#include "query/cli/commands.h"
#include "query/cli/progress.h"
#include "storage/lane_set.h"

namespace dashcap {
namespace {

constexpr size_t kIndexMemory = size_t{512} << 20;

// Stores captures in ARCHIVE/import and indexes them as they are stored.
class Importer {
 public:
  Importer(const std::string& archive, std::optional<int> level) : lanes_(Options(archive, level), MakeCallbacks()) {}

  // Everything up to the first damage is stored; the error then says what is wrong with the file. `disk_failed` tells
  // whether it was rather the archive that failed.
  Status Import(const std::string& path, Progress& progress, bool& disk_failed) {
    auto reader = OpenCapture(path);
    if (!reader) return Fail(reader.error());
    std::error_code ignored;
    const uint64_t size = std::filesystem::file_size(path, ignored);
    std::vector<uint32_t> interface_ids;
    while (true) {
      auto next = (*reader)->Next();
      if (!next) return Fail(next.error());
      if (!*next) return {};
      if (Status stored = Store(**next, (*reader)->interfaces(), interface_ids); !stored) {
        disk_failed = true;
        return stored;
      }
      progress.Show(path, (*reader)->position(), size);
    }
  }

  Status Finish() {
    if (Status finished = lanes_.Finish(); !finished) return finished;
    return index_failure_;
  }
  LaneCounts counts() const { return lanes_.counts(); }

 private:
  static LaneOptions Options(const std::string& archive, std::optional<int> level) {
    LaneOptions options;
    options.directory = archive + "/import";
    options.no_space = LaneOptions::NoSpace::kFail;
    if (level) options.compression = {*level, LaneOptions::Compression::Behind::kWait};
    return options;
  }

  LaneSet::Callbacks MakeCallbacks() {
    return {[this](LaneEvent event) { std::visit([this](auto& what) { Take(what); }, event); },
            [this](const std::string&, const RecoveryReport& report) {
              for (const std::string& path : report.unindexed) Note(path, IndexBlockfile(path));
            }};
  }

  void Take(const BlockSealed& event) {
    const auto indexer = indexers_.try_emplace(event.file_id, event.file_id, event.link_type).first;
    indexer->second.Add(*event.block);
    if (indexer->second.memory_bytes() > kIndexMemory) rotate_ = true;
  }

  void Take(const BlockfilePublished& event) {
    auto indexer = indexers_.extract(event.file_id);
    if (event.path.empty()) return;
    Note(event.path, indexer && event.complete ? indexer.mapped().WriteTable(event.path) : IndexBlockfile(event.path));
  }

  void Note(const std::string& path, const Status& indexed) {
    if (indexed || !index_failure_) return;
    index_failure_ = Fail(indexed.error().kind, fmt::format("index {}: {}", path, indexed.error().message));
  }

  // Interfaces of one capture after the other go into one list; like ones are one.
  Status Store(Packet packet, const std::vector<Interface>& of_file, std::vector<uint32_t>& interface_ids) {
    if (packet.interface_id >= interface_ids.size()) {
      for (size_t i = interface_ids.size(); i < of_file.size(); i++) {
        const auto known = std::find(interfaces_.begin(), interfaces_.end(), of_file[i]);
        interface_ids.push_back(static_cast<uint32_t>(known - interfaces_.begin()));
        if (known == interfaces_.end()) interfaces_.push_back(of_file[i]);
      }
      if (Status set = lanes_.SetInterfaces(interfaces_); !set) return set;
    }
    packet.interface_id = interface_ids[packet.interface_id];
    if (std::exchange(rotate_, false)) {
      if (Status rotated = lanes_.Rotate(); !rotated) return rotated;
    }
    return lanes_.Append(packet);
  }

  std::vector<Interface> interfaces_;
  std::map<uint64_t, FileIndexer> indexers_;  // by file id
  bool rotate_ = false;
  Status index_failure_;
  LaneSet lanes_;  // last: its end publishes, and that calls back
};

}  // namespace

int RunImport(const std::string& archive, std::optional<int> level, const std::vector<std::string>& files) {
  int code = kDone;
  Importer importer(archive, level);
  {
    Progress progress("import");
    for (const std::string& file : files) {
      bool disk_failed = false;
      const Status imported = importer.Import(file, progress, disk_failed);
      if (imported) continue;
      code = Complain(imported.error().message);
      if (disk_failed) break;
    }
  }
  if (Status finished = importer.Finish(); !finished) code = Complain(finished.error().message);
  const LaneCounts counts = importer.counts();
  fmt::print("{} packets ({} bytes) stored in {} blockfiles\n", counts.packets.stored, counts.bytes, counts.files);
  if (const uint64_t cut = counts.packets.cut; cut > 0)
    fmt::print("{} packets were longer than {} bytes and were cut\n", cut, kMaxCapturedLength);
  if (const uint64_t lost = counts.packets.lost_in_all(); lost > 0)
    code = Complain(fmt::format("{} packets could not be stored", lost));
  return code;
}

}  // namespace dashcap
