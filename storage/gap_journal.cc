#include "storage/gap_journal.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <span>
#include <utility>

#include "base/byte_order.h"
#include "base/byte_reader.h"
#include "base/crc32c.h"
#include "base/log.h"

namespace dashcap {
namespace {

// A recorder that hasn't been heard of for this long is taken for dead.
constexpr Nanoseconds kSilence = std::chrono::seconds(5);

using HeartbeatBytes = std::array<uint8_t, kGapHeartbeatSize>;
using RecordBytes = std::array<uint8_t, kGapRecordSize>;

struct Contents {
  std::vector<Gap> gaps;
  std::optional<Heartbeat> heartbeat;
};

void StoreTime(uint8_t* p, Timestamp time) { StoreLittle64(p, static_cast<uint64_t>(ToUnixNanoseconds(time))); }
Timestamp TakeTime(ByteReader& in) { return FromUnixNanoseconds(static_cast<int64_t>(in.Little64())); }

HeartbeatBytes Encode(const Heartbeat& heartbeat) {
  HeartbeatBytes bytes{};
  StoreTime(&bytes[0], heartbeat.complete_until);
  StoreTime(&bytes[8], heartbeat.written);
  StoreLittle32(&bytes[16], static_cast<uint32_t>(heartbeat.state));
  StoreLittle32(&bytes[20], Crc32c(std::span(bytes).first(20)));
  return bytes;
}

std::optional<Heartbeat> DecodeHeartbeat(std::span<const uint8_t> bytes) {
  ByteReader in(bytes);
  Heartbeat heartbeat;
  heartbeat.complete_until = TakeTime(in);
  heartbeat.written = TakeTime(in);
  const uint32_t state = in.Little32();
  const uint32_t crc = in.Little32();
  if (in.failed() || crc != Crc32c(bytes.first(kGapHeartbeatSize - 4))) return std::nullopt;
  if (state != static_cast<uint32_t>(Heartbeat::State::kRecording) &&
      state != static_cast<uint32_t>(Heartbeat::State::kStopped)) {
    return std::nullopt;
  }
  heartbeat.state = static_cast<Heartbeat::State>(state);
  return heartbeat;
}

RecordBytes Encode(const Gap& gap) {
  RecordBytes bytes{};
  const size_t name_size = std::min(gap.interface.size(), kGapNameMaxSize);
  StoreTime(&bytes[0], gap.begin);
  StoreTime(&bytes[8], gap.end);
  StoreLittle64(&bytes[16], gap.packets);
  StoreLittle16(&bytes[24], static_cast<uint16_t>(gap.reason));
  StoreLittle16(&bytes[26], static_cast<uint16_t>(name_size));
  std::copy_n(gap.interface.begin(), name_size, bytes.begin() + kGapNameOffset);
  StoreLittle32(&bytes[kGapRecordSize - 4], Crc32c(std::span(bytes).first(kGapRecordSize - 4)));
  return bytes;
}

std::optional<Gap> DecodeGap(std::span<const uint8_t> bytes) {
  ByteReader in(bytes);
  Gap gap;
  gap.begin = TakeTime(in);
  gap.end = TakeTime(in);
  gap.packets = in.Little64();
  const auto reason = GapReasonOf(in.Little16());
  const size_t name_size = in.Little16();
  const auto name = in.Bytes(std::min(name_size, kGapNameMaxSize));
  if (in.failed() || !reason) return std::nullopt;
  if (LoadLittle32(&bytes[kGapRecordSize - 4]) != Crc32c(bytes.first(kGapRecordSize - 4))) return std::nullopt;
  gap.reason = *reason;
  gap.interface.assign(name.begin(), name.end());
  return gap;
}

Status WriteAt(int fd, uint64_t offset, std::span<const uint8_t> bytes, const std::string& path) {
  const ssize_t written = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
  if (written == static_cast<ssize_t>(bytes.size())) return {};
  return Fail(SystemError("write " + path, written < 0 ? errno : ENOSPC));
}

Result<std::vector<uint8_t>> ReadWhole(const std::string& path) {
  auto file = OpenFile(path, O_RDONLY | O_NOFOLLOW);
  if (!file) return Fail(file.error());
  struct stat status;
  if (::fstat(file->get(), &status) != 0) return Fail(SystemError("stat " + path));
  constexpr size_t kAtMost = kGapRecordsOffset + kMaxGapRecords * kGapRecordSize;
  std::vector<uint8_t> bytes(std::min<uint64_t>(static_cast<uint64_t>(status.st_size), kAtMost));
  size_t size = 0;
  while (size < bytes.size()) {
    const ssize_t got = ::pread(file->get(), &bytes[size], bytes.size() - size, static_cast<off_t>(size));
    if (got < 0) return Fail(SystemError("read " + path));
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  bytes.resize(size);
  return bytes;
}

Result<Contents> Read(const std::string& path) {
  auto bytes = ReadWhole(path);
  if (!bytes) return Fail(bytes.error());
  ByteReader header(*bytes);
  const uint32_t magic = header.Little32();
  const uint16_t version = header.Little16();
  const uint16_t record_size = header.Little16();
  if (magic != kGapJournalMagic || version != kGapJournalVersion || record_size != kGapRecordSize) {
    return Fail(ErrorKind::kDamaged, path + ": not a gap journal of version 1");
  }
  Contents contents;
  const std::span<const uint8_t> all(*bytes);
  if (all.size() >= kGapHeartbeatOffset + kGapHeartbeatSize)
    contents.heartbeat = DecodeHeartbeat(all.subspan(kGapHeartbeatOffset, kGapHeartbeatSize));
  for (size_t at = kGapRecordsOffset; at + kGapRecordSize <= all.size(); at += kGapRecordSize) {
    const auto record = all.subspan(at, kGapRecordSize);
    if (std::all_of(record.begin(), record.end(), [](uint8_t byte) { return byte == 0; })) break;
    if (auto gap = DecodeGap(record)) contents.gaps.push_back(std::move(*gap));
  }
  return contents;
}

Gap GapAfter(const Heartbeat& heartbeat, Timestamp end) {
  const bool stopped = heartbeat.state == Heartbeat::State::kStopped;
  return {heartbeat.complete_until, end, stopped ? GapReason::kStopped : GapReason::kKilled, 0, ""};
}

// Every two neighbours of the same kind become one, in the older half.
std::vector<Gap> Coarsen(const std::vector<Gap>& gaps) {
  std::vector<Gap> coarse;
  std::map<std::pair<GapReason, std::string>, size_t> single;  // position in `coarse`
  for (size_t i = 0; i < gaps.size(); i++) {
    const auto key = std::pair(gaps[i].reason, gaps[i].interface);
    const auto partner = single.find(key);
    if (i >= gaps.size() / 2 || partner == single.end()) {
      single.insert_or_assign(key, coarse.size());
      coarse.push_back(gaps[i]);
      continue;
    }
    Gap& before = coarse[partner->second];
    before.begin = std::min(before.begin, gaps[i].begin);
    before.end = std::max(before.end, gaps[i].end);
    before.packets += gaps[i].packets;
    single.erase(partner);
  }
  return coarse;
}

}  // namespace

GapJournal::GapJournal(std::string lane_directory) : lane_directory_(std::move(lane_directory)) {
  auto contents = Read(path());
  if (contents) {
    gaps_ = std::move(contents->gaps);
    heartbeat_ = contents->heartbeat;
  } else if (contents.error().kind != ErrorKind::kNotFound) {
    LogWarning("{}; a new one is begun", contents.error().message);
  }
}

Status GapJournal::BeginLife(Timestamp now, std::optional<Timestamp> last_packet) {
  Status added;
  if (heartbeat_) {
    Gap gap = GapAfter(*heartbeat_, now);
    // Not when its time comes from a clock that was wrong.
    if (gap.reason == GapReason::kKilled && last_packet && *last_packet < heartbeat_->written + kSilence)
      gap.begin = std::max(gap.begin, *last_packet + Nanoseconds(1));
    if (gap.begin > gap.end) std::swap(gap.begin, gap.end);
    added = Add(gap);
  }
  Status beaten = Beat(now, now);
  return added ? beaten : added;
}

Status GapJournal::Add(const Gap& gap) {
  const auto latest = std::find_if(gaps_.rbegin(), gaps_.rend(), [&gap](const Gap& known) {
    return known.reason == gap.reason && known.interface == gap.interface;
  });
  const bool joined = latest != gaps_.rend() && JoinGaps(*latest, gap);
  const size_t number = joined ? static_cast<size_t>(gaps_.rend() - latest) - 1 : gaps_.size();
  if (!joined) gaps_.push_back(gap);
  if (gaps_.size() > kMaxGapRecords) {
    gaps_ = Coarsen(gaps_);
    behind_ = true;
  }
  if (gaps_.size() > room_) behind_ = true;
  if (Gone() || behind_) return WriteAll();
  return WriteRecord(number);
}

Status GapJournal::Beat(Timestamp complete_until, Timestamp now) {
  return WriteHeartbeat({complete_until, now, Heartbeat::State::kRecording});
}

Status GapJournal::EndLife(Timestamp complete_until, Timestamp now) {
  return WriteHeartbeat({complete_until, now, Heartbeat::State::kStopped});
}

Status GapJournal::Trim(Timestamp oldest_packet) {
  const auto kept = std::stable_partition(gaps_.begin(), gaps_.end(),
                                          [oldest_packet](const Gap& gap) { return gap.end > oldest_packet; });
  if (kept == gaps_.end()) return {};
  gaps_.erase(kept, gaps_.end());
  return WriteAll();
}

// On a full disk the file can't be written anew, but the heartbeat has its place.
Status GapJournal::WriteHeartbeat(const Heartbeat& heartbeat) {
  heartbeat_ = heartbeat;
  Status all;
  if (Gone() || behind_) all = WriteAll();
  if (!file_.valid()) return all;
  Status written = WriteAt(file_.get(), kGapHeartbeatOffset, Encode(heartbeat), path());
  return all ? written : all;
}

Status GapJournal::WriteRecord(size_t number) {
  Status written = WriteAt(file_.get(), kGapRecordsOffset + number * kGapRecordSize, Encode(gaps_[number]), path());
  if (!written) behind_ = true;
  return written;
}

// Somebody removed the lane's directory, or the journal.
bool GapJournal::Gone() const {
  struct stat status;
  return !file_.valid() || ::fstat(file_.get(), &status) != 0 || status.st_nlink == 0;
}

Status GapJournal::WriteAll() {
  behind_ = true;
  const size_t room = std::max<size_t>((gaps_.size() / kGapRecordsAtOnce + 1) * kGapRecordsAtOnce, room_);
  std::vector<uint8_t> bytes(kGapRecordsOffset + room * kGapRecordSize);
  StoreLittle32(&bytes[0], kGapJournalMagic);
  StoreLittle16(&bytes[4], kGapJournalVersion);
  StoreLittle16(&bytes[6], kGapRecordSize);
  const auto put = [&bytes](size_t offset, const auto& part) {
    std::copy(part.begin(), part.end(), bytes.begin() + static_cast<ptrdiff_t>(offset));
  };
  if (heartbeat_) put(kGapHeartbeatOffset, Encode(*heartbeat_));
  for (size_t i = 0; i < gaps_.size(); i++) put(kGapRecordsOffset + i * kGapRecordSize, Encode(gaps_[i]));

  const std::string hidden = lane_directory_ + "/." + kGapJournalName;
  auto file = OpenFile(hidden, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW);
  if (!file) return Fail(file.error());
  if (Status status = WriteAt(file->get(), 0, bytes, hidden); !status) {
    ::unlink(hidden.c_str());
    return status;
  }
  if (::fdatasync(file->get()) != 0) return Fail(SystemError("sync " + hidden));
  if (::rename(hidden.c_str(), path().c_str()) != 0) return Fail(SystemError("rename " + hidden));
  file_ = std::move(*file);
  room_ = room;
  behind_ = false;
  return {};
}

Result<std::vector<Gap>> ReadGaps(const std::string& lane_directory, Timestamp now) {
  auto contents = Read(lane_directory + "/" + kGapJournalName);
  if (!contents && contents.error().kind == ErrorKind::kNotFound) return std::vector<Gap>{};
  if (!contents) return Fail(contents.error());
  std::vector<Gap> gaps = std::move(contents->gaps);
  if (const auto& heartbeat = contents->heartbeat) {
    const bool alive = heartbeat->state == Heartbeat::State::kRecording && now - heartbeat->written < kSilence;
    if (!alive) gaps.push_back(GapAfter(*heartbeat, kMaxTimestamp));
  }
  std::stable_sort(gaps.begin(), gaps.end(), [](const Gap& a, const Gap& b) { return a.begin < b.begin; });
  return gaps;
}

}  // namespace dashcap
