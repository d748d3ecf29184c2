#include "storage/open_blockfile.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/aligned_buffer.h"
#include "base/byte_order.h"
#include "storage/catalog.h"

namespace dashcap {
namespace {

constexpr uint64_t kPreallocateStep = uint64_t{64} << 20;

uint64_t RandomFileId() {
  uint64_t id = 0;
  while (::getrandom(&id, sizeof id, 0) != sizeof id) {
  }
  return id;
}

// O_DIRECT where the file system has it; tmpfs has not.
Result<FileDescriptor> CreateForWriting(const std::string& path, LaneOptions::Sync sync) {
  const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | (sync == LaneOptions::Sync::kBlock ? O_DSYNC : 0);
  auto file = OpenFile(path, flags | O_DIRECT);
  if (file || errno != EINVAL) return file;
  ::unlink(path.c_str());
  return OpenFile(path, flags);
}

// One index belongs to a name, whatever the packing.
bool IsTaken(const std::string& lane_directory, Timestamp start) {
  const auto exists = [&](Packing packing) {
    return ::access((lane_directory + "/" + BlockfileName(start, false, packing)).c_str(), F_OK) == 0;
  };
  return exists(Packing::kPlain) || exists(Packing::kZstd);
}

Status WriteAligned(int fd, uint64_t offset, const AlignedBuffer& bytes) {
  const ssize_t written = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
  if (written == static_cast<ssize_t>(bytes.size())) return {};
  return Fail(SystemError("write", written < 0 ? errno : EIO));
}

}  // namespace

Result<std::unique_ptr<OpenBlockfile>> OpenBlockfile::Create(const std::string& lane_directory, Timestamp start,
                                                             const Contents& contents, LaneOptions::Sync sync) {
  auto blockfile = std::make_unique<OpenBlockfile>();
  blockfile->lane_directory_ = lane_directory;
  blockfile->file_id_ = RandomFileId();
  blockfile->contents_ = contents;
  blockfile->created_ = std::chrono::steady_clock::now();
  for (start = std::max(start, Timestamp{});; start += Nanoseconds(1)) {
    blockfile->path_ = lane_directory + "/" + BlockfileName(start, true, contents.packing);
    blockfile->published_path_ = lane_directory + "/" + BlockfileName(start, false, contents.packing);
    auto file = CreateForWriting(blockfile->path_, sync);
    if (!file && errno == EEXIST) continue;
    if (!file) return Fail(file.error());
    // Looked for only now: a hidden file of this name may just have become a published one, but none can any more.
    if (IsTaken(lane_directory, start)) {
      ::unlink(blockfile->path_.c_str());
      continue;
    }
    blockfile->file_ = std::move(*file);
    return blockfile;
  }
}

ClosingRecord OpenBlockfile::NextPlace() const {
  ClosingRecord place;
  place.file_id = file_id_;
  place.block_offset = next_offset_;
  place.sequence = next_sequence_;
  place.first_packet_number = packets_;
  place.link_type = contents_.link_type;
  place.interface_count = contents_.interface_count;
  return place;
}

void OpenBlockfile::Number(const SealedBlock& block) {
  const ClosingRecord& closing = block.closing;
  next_sequence_++;
  packets_ += closing.packet_count;
  if (closing.packet_count > 0) {
    first_time_ = std::min(first_time_, closing.first_time);
    last_time_ = std::max(last_time_, closing.last_time);
  }
  writes_in_flight_++;
  unplaced_++;
}

void OpenBlockfile::Place(const SealedBlock& block) {
  next_offset_ += block.closing.stored_length();
  unplaced_--;
  Preallocate();
}

// Keeps the file system from looking for room block by block. Only a hint: without it writing works too.
void OpenBlockfile::Preallocate() {
  if (next_offset_ + kMaxBlockSize <= preallocated_ || next_offset_ < kMaxBlockSize) return;
  preallocated_ = next_offset_ + kPreallocateStep;
  (void)::fallocate(file_.get(), FALLOC_FL_KEEP_SIZE, static_cast<off_t>(next_offset_),
                    static_cast<off_t>(kPreallocateStep));
}

void OpenBlockfile::WriteDone(std::span<const uint64_t> packets) {
  writes_in_flight_--;
  stored_.resize(std::max(stored_.size(), packets.size()));
  for (size_t id = 0; id < packets.size(); id++) stored_[id] += packets[id];
}

std::vector<LostPackets> OpenBlockfile::StoredPackets() const {
  std::vector<LostPackets> packets;
  for (uint32_t id = 0; id < stored_.size(); id++) {
    if (stored_[id] > 0) packets.push_back({id, stored_[id], first_time_, last_time_});
  }
  return packets;
}

bool OpenBlockfile::Removed() const {
  struct stat status;
  return ::fstat(file_.get(), &status) == 0 && status.st_nlink == 0;
}

void OpenBlockfile::WriteFailed(uint64_t offset, uint32_t length, uint32_t packets) {
  failed_.push_back({offset, length});
  block_lost_ = true;
  packets_failed_ += packets;
}

Result<std::optional<std::string>> OpenBlockfile::Publish(bool sync) {
  std::sort(failed_.begin(), failed_.end(),
            [](const FailedRange& a, const FailedRange& b) { return a.offset < b.offset; });
  uint64_t end = next_offset_;
  while (!failed_.empty() && failed_.back().offset + failed_.back().length == end) {
    end = failed_.back().offset;
    failed_.pop_back();
  }
  if (packets_ == packets_failed_ || end == 0) {
    if (::unlink(path_.c_str()) != 0) return Fail(SystemError("remove " + path_));
    return std::optional<std::string>{};
  }
  for (const FailedRange& range : failed_) {
    if (Status status = WriteGapRecord(file_.get(), range.offset, range.length, contents_.packing); !status) {
      return Fail(status.error().kind, path_ + ": " + status.error().message);
    }
  }
  if (::ftruncate(file_.get(), static_cast<off_t>(end)) != 0) return Fail(SystemError("cut " + path_));
  if (sync && ::fdatasync(file_.get()) != 0) return Fail(SystemError("sync " + path_));
  if (::rename(path_.c_str(), published_path_.c_str()) != 0) return Fail(SystemError("rename " + path_));
  if (sync) {
    if (Status status = SyncDirectory(lane_directory_); !status) return Fail(status.error());
  }
  return std::optional(published_path_);
}

Status WriteGapRecord(int fd, uint64_t offset, uint64_t length, Packing packing) {
  constexpr uint64_t kLongest = uint64_t{8} << 20;  // libpcap and Wireshark refuse records beyond 16 MiB
  for (; length > kLongest; offset += kLongest, length -= kLongest) {
    if (Status status = WriteGapRecord(fd, offset, kLongest, packing); !status) return status;
  }
  const auto total_length = static_cast<uint32_t>(length);
  const bool is_frame = packing == Packing::kZstd;
  AlignedBuffer edge(kBlockAlignment);
  std::fill(edge.span().begin(), edge.span().end(), uint8_t{0});
  StoreLittle32(edge.data(), is_frame ? kGapFrameMagic : kGapRecordType);
  StoreLittle32(edge.data() + 4, is_frame ? total_length - 8 : total_length);
  if (is_frame) StoreLittle32(edge.data() + 8, kGapRecordType);
  if (length > kBlockAlignment) {
    if (Status status = WriteAligned(fd, offset, edge); !status) return status;
    std::fill(edge.span().begin(), edge.span().end(), uint8_t{0});
  }
  StoreLittle32(edge.data() + kBlockAlignment - 4, total_length);
  return WriteAligned(fd, offset + length - kBlockAlignment, edge);
}

Status SyncDirectory(const std::string& directory) {
  auto open = OpenFile(directory, O_RDONLY | O_DIRECTORY);
  if (!open) return Fail(open.error());
  if (::fsync(open->get()) != 0) return Fail(SystemError("sync " + directory));
  return {};
}

}  // namespace dashcap
