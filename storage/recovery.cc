#include "storage/recovery.h"

#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <unordered_set>

#include "storage/blockfile_header.h"
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
  uint64_t begin = 0;  // where the first block belongs
  std::vector<BlockSummary> blocks;
  uint64_t packets = 0;

  uint64_t end() const { return blocks.back().offset + blocks.back().length; }
};

// The blocks that are whole. One that is torn was on its way when the crash came.
Result<SoundParts> FindSoundParts(const BlockfileReader& reader) {
  std::vector<DamagedRange> damage;
  auto blocks = reader.AllBlocks(damage);
  if (!blocks) return Fail(blocks.error());
  SoundParts parts;
  parts.begin = reader.header_length();
  std::vector<uint8_t> buffer;
  for (const BlockSummary& block : *blocks) {
    if (!IsSound(reader, block, buffer)) continue;
    parts.blocks.push_back(block);
    parts.packets += block.packet_count;
  }
  return parts;
}

// Between what was written last and what was written next there were packets at those times. Before the file's first
// sound block, nothing says when; its name is close.
Gap GapBefore(const BlockSummary* before, const BlockSummary& block, Timestamp file_start) {
  const uint64_t expected = before ? before->first_packet_number + before->packet_count : 0;
  Gap gap;
  gap.begin = before ? before->last_time + Nanoseconds(1) : file_start;
  gap.end = block.first_time;
  gap.reason = GapReason::kNeverWritten;
  gap.packets = block.first_packet_number - std::min(expected, block.first_packet_number);
  // Times may step back within a file.
  if (gap.begin > gap.end) std::swap(gap.begin, gap.end);
  return gap;
}

Status CoverGaps(int fd, const SoundParts& parts, const BlockfileEntry& file, std::vector<Gap>& gaps) {
  uint64_t begin = parts.begin;
  const BlockSummary* before = nullptr;
  for (const BlockSummary& block : parts.blocks) {
    if (begin != block.offset) {
      if (Status status = WriteGapRecord(fd, begin, block.offset - begin, file.packing); !status) return status;
      gaps.push_back(GapBefore(before, block, file.start));
    }
    begin = block.offset + block.length;
    before = &block;
  }
  return {};
}

// Without a header block the file is no pcapng. Names and filters of the interfaces are lost.
Status MendHeader(int fd, const BlockfileReader& reader, Packing packing) {
  const auto header = MakeHeaderBlock(reader.file_id(), reader.interfaces(), packing);
  const std::span<const uint8_t> bytes = header->bytes();
  if (bytes.size() != reader.header_length()) return {};
  const ssize_t written = ::pwrite(fd, bytes.data(), bytes.size(), 0);
  if (written == static_cast<ssize_t>(bytes.size())) return {};
  return Fail(SystemError("write", written < 0 ? errno : EIO));
}

Status PublishRecovered(const BlockfileEntry& file, const BlockfileReader& reader, const SoundParts& parts,
                        RecoveryReport& report) {
  const std::string path = file.path();
  auto open = OpenFile(path, O_RDWR | O_NOFOLLOW);
  if (!open) return Fail(open.error());
  std::error_code ignored;
  const uint64_t size = fs::file_size(path, ignored);
  Status mended = reader.header_damage() ? MendHeader(open->get(), reader, file.packing) : Status{};
  if (mended) mended = CoverGaps(open->get(), parts, file, report.gaps);
  if (!mended) return Fail(mended.error().kind, path + ": " + mended.error().message);
  if (::ftruncate(open->get(), static_cast<off_t>(parts.end())) != 0) return Fail(SystemError("cut " + path));
  if (::fdatasync(open->get()) != 0) return Fail(SystemError("sync " + path));
  BlockfileEntry published = file;
  published.open = false;
  if (::rename(path.c_str(), published.path().c_str()) != 0) return Fail(SystemError("rename " + path));
  report.files_published++;
  report.bytes_cut += size - std::min(size, parts.end());
  return {};
}

// Whether there is a published file now.
Result<bool> RecoverFile(const BlockfileEntry& file, RecoveryReport& report) {
  auto reader = BlockfileReader::Open(file.path());
  if (!reader && reader.error().kind != ErrorKind::kDamaged) return Fail(reader.error());
  SoundParts parts;
  if (reader) {
    auto found = FindSoundParts(*reader);
    if (!found) return Fail(found.error());
    parts = std::move(*found);
  }
  if (parts.packets > 0) {
    if (Status status = PublishRecovered(file, *reader, parts, report); !status) return Fail(status.error());
    return true;
  }
  if (Status status = Remove(file.path()); !status) return Fail(status.error());
  report.files_empty++;
  return false;
}

// Hidden indexes were not finished; published ones without a blockfile have lost their meaning.
Status RemoveStrayIndexes(const std::string& lane_directory, RecoveryReport& report) {
  std::error_code error;
  std::vector<std::string> stray;
  std::unordered_set<std::string> wanted;
  auto blockfiles = ListLaneWithoutSizes(lane_directory);
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

std::optional<Timestamp> LastPacketOf(const BlockfileEntry& file) {
  const auto reader = BlockfileReader::Open(file.path());
  if (!reader) return std::nullopt;
  const auto last = reader->LastBlock();
  if (!last || !*last) return std::nullopt;
  return (*last)->file_last_time;
}

}  // namespace

Result<RecoveryReport> RecoverLane(const std::string& lane_directory) {
  RecoveryReport report;
  auto files = ListLaneWithoutSizes(lane_directory);
  if (!files) return Fail(files.error());
  for (BlockfileEntry& file : *files) {
    if (!file.open) continue;
    auto published = RecoverFile(file, report);
    if (!published) report.failures.push_back(published.error().message);
    file.open = !published || !*published;
  }
  if (Status status = RemoveStrayIndexes(lane_directory, report); !status)
    report.failures.push_back(status.error().message);
  if (report.files_published > 0) {
    if (Status status = SyncDirectory(lane_directory); !status) report.failures.push_back(status.error().message);
  }
  std::erase_if(*files, [](const BlockfileEntry& file) { return file.open; });
  for (const BlockfileEntry& file : *files) {
    if (!file.has_index) report.unindexed.push_back(file.path());
  }
  if (!files->empty()) report.last_packet = LastPacketOf(files->back());
  return report;
}

Result<LaneLock> LaneLock::Take(const std::string& lane_directory) {
  std::error_code error;
  fs::create_directories(lane_directory, error);
  if (error) return Fail(SystemError("make " + lane_directory, error.value()));
  const std::string path = lane_directory + "/.lock";
  auto file = OpenFile(path, O_RDWR | O_CREAT | O_NOFOLLOW);
  if (!file) return Fail(file.error());
  if (::flock(file->get(), LOCK_EX | LOCK_NB) == 0) return LaneLock(path, std::move(*file));
  if (errno != EWOULDBLOCK) return Fail(SystemError("lock " + lane_directory));
  return Fail(ErrorKind::kUnavailable, lane_directory + ": another process writes there");
}

bool LaneLock::InPlace() const {
  struct stat held;
  struct stat there;
  return ::fstat(file_.get(), &held) == 0 && ::stat(path_.c_str(), &there) == 0 && held.st_dev == there.st_dev &&
         held.st_ino == there.st_ino;
}

}  // namespace dashcap
