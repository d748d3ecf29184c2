#include "storage/recovery.h"

#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>

#include "storage/blockfile_reader.h"
#include "storage/catalog.h"
#include "storage/open_blockfile.h"

namespace dashcap {
namespace {

namespace fs = std::filesystem;

Status Remove(const std::string& path) {
  if (::unlink(path.c_str()) != 0) return Fail(SystemError("remove " + path));
  return {};
}

bool IsSound(const BlockfileReader& reader, const BlockSummary& block, std::vector<uint8_t>& buffer) {
  std::vector<DamagedRange> damage;
  const Status read = reader.ReadBlock(
      block, buffer, [](const NumberedPacket&) { return true; }, damage);
  return read && damage.empty();
}

struct SoundParts {
  std::vector<BlockSummary> blocks;
  uint64_t packets = 0;
};

// The blocks that are whole. One that is torn was on its way when the crash came.
Result<SoundParts> FindSoundParts(const BlockfileReader& reader) {
  std::vector<DamagedRange> damage;
  auto blocks = reader.AllBlocks(damage);
  if (!blocks) return Fail(blocks.error());
  SoundParts parts;
  std::vector<uint8_t> buffer;
  for (const BlockSummary& block : *blocks) {
    if (!IsSound(reader, block, buffer)) continue;
    parts.blocks.push_back(block);
    parts.packets += block.packet_count;
  }
  return parts;
}

Status CoverGaps(int fd, const SoundParts& parts, Packing packing) {
  for (size_t i = 1; i < parts.blocks.size(); i++) {
    const uint64_t begin = parts.blocks[i - 1].offset + parts.blocks[i - 1].length;
    const uint64_t end = parts.blocks[i].offset;
    if (begin == end) continue;
    if (Status status = WriteGapRecord(fd, begin, end - begin, packing); !status) return status;
  }
  return {};
}

Status PublishRecovered(const BlockfileEntry& file, const SoundParts& parts, RecoveryReport& report) {
  const std::string path = file.path();
  auto open = OpenFile(path, O_RDWR | O_NOFOLLOW);
  if (!open) return Fail(open.error());
  const uint64_t end = parts.blocks.back().offset + parts.blocks.back().length;
  std::error_code ignored;
  report.bytes_cut += fs::file_size(path, ignored) - end;
  if (Status status = CoverGaps(open->get(), parts, file.packing); !status)
    return Fail(status.error().kind, path + ": " + status.error().message);
  if (::ftruncate(open->get(), static_cast<off_t>(end)) != 0) return Fail(SystemError("cut " + path));
  if (::fdatasync(open->get()) != 0) return Fail(SystemError("sync " + path));
  BlockfileEntry published = file;
  published.open = false;
  if (::rename(path.c_str(), published.path().c_str()) != 0) return Fail(SystemError("rename " + path));
  report.files_published++;
  return {};
}

Status RecoverFile(const BlockfileEntry& file, RecoveryReport& report) {
  auto reader = BlockfileReader::Open(file.path());
  if (!reader && reader.error().kind != ErrorKind::kDamaged) return Fail(reader.error());
  SoundParts parts;
  if (reader) {
    auto found = FindSoundParts(*reader);
    if (!found) return Fail(found.error());
    parts = std::move(*found);
  }
  if (parts.packets > 0) return PublishRecovered(file, parts, report);
  report.files_empty++;
  return Remove(file.path());
}

// Hidden indexes were not finished; published ones without a blockfile have lost their meaning.
Status RemoveStrayIndexes(const std::string& lane_directory, RecoveryReport& report) {
  std::error_code error;
  std::vector<std::string> stray;
  std::set<std::string> wanted;
  auto blockfiles = ListLane(lane_directory);
  if (!blockfiles) return Fail(blockfiles.error());
  for (const BlockfileEntry& file : *blockfiles) {
    if (!file.open) wanted.insert(file.index_path());
  }
  for (const fs::directory_entry& entry : fs::directory_iterator(lane_directory, error)) {
    const fs::path& path = entry.path();
    if (path.extension() != kIndexSuffix || !entry.is_regular_file(error)) continue;
    if (!wanted.contains(path.string())) stray.push_back(path.string());
  }
  if (error) return Fail(SystemError("list " + lane_directory, error.value()));
  for (const std::string& path : stray) {
    if (Status status = Remove(path); !status) return status;
    report.orphan_indexes++;
  }
  return {};
}

}  // namespace

Result<RecoveryReport> RecoverLane(const std::string& lane_directory) {
  RecoveryReport report;
  auto files = ListLane(lane_directory);
  if (!files) return Fail(files.error());
  for (const BlockfileEntry& file : *files) {
    if (!file.open) continue;
    if (Status status = RecoverFile(file, report); !status) return Fail(status.error());
  }
  if (Status status = RemoveStrayIndexes(lane_directory, report); !status) return Fail(status.error());
  if (Status status = SyncDirectory(lane_directory); !status) return Fail(status.error());
  files = ListLane(lane_directory);
  if (!files) return Fail(files.error());
  for (const BlockfileEntry& file : *files) {
    if (!file.has_index) report.unindexed.push_back(file.path());
  }
  return report;
}

Result<LaneLock> LaneLock::Take(const std::string& lane_directory) {
  std::error_code error;
  fs::create_directories(lane_directory, error);
  if (error) return Fail(SystemError("make " + lane_directory, error.value()));
  auto file = OpenFile(lane_directory + "/.lock", O_RDWR | O_CREAT | O_NOFOLLOW);
  if (!file) return Fail(file.error());
  if (::flock(file->get(), LOCK_EX | LOCK_NB) == 0) return LaneLock(std::move(*file));
  if (errno != EWOULDBLOCK) return Fail(SystemError("lock " + lane_directory));
  return Fail(ErrorKind::kUnavailable, lane_directory + ": another process writes there");
}

}  // namespace dashcap
