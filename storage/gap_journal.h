#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/file_descriptor.h"
#include "base/result.h"
#include "storage/gap.h"

// LANE/gaps, version 1: docs/gap-journal.md has the picture. What is missing from the lane, and a heartbeat that tells
// how long the recorder lived. All integers little-endian.
namespace dashcap {

inline constexpr char kGapJournalName[] = "gaps";
inline constexpr uint32_t kGapJournalMagic = 0x4A474344;  // "DCGJ"
inline constexpr uint16_t kGapJournalVersion = 1;

// The header:
//   u32 magic, u16 version, u16 size of a record
// The heartbeat, in a sector of its own because it is written over and over in place:
//   i64 complete until, i64 written at (ns since the epoch), u32 state, u32 CRC-32C of those
inline constexpr size_t kGapHeartbeatOffset = 512;
inline constexpr size_t kGapHeartbeatSize = 24;
// The records, up to the first whose reason is 0:
//   i64 begin, i64 end, u64 packets, u16 reason, u16 length of the name
//   the interface's name, zero padded
//   u32 CRC-32C of the record so far
inline constexpr size_t kGapRecordsOffset = 4096;
inline constexpr size_t kGapRecordSize = 128;
inline constexpr size_t kGapNameOffset = 28;
inline constexpr size_t kGapNameMaxSize = kGapRecordSize - kGapNameOffset - 4;
// Room is taken in advance, so that a full disk doesn't keep its own gap from being written down.
inline constexpr size_t kGapRecordsAtOnce = 512;
// When there are more, neighbours of the same kind become one.
inline constexpr size_t kMaxGapRecords = 16384;

static_assert(kGapHeartbeatOffset + kGapHeartbeatSize <= kGapRecordsOffset);
static_assert(4096 % kGapRecordSize == 0, "no record lies across two pages");

// What a lane's recorder says of itself: up to when everything that arrived is either stored or told of as a gap.
struct Heartbeat {
  enum class State : uint32_t { kRecording = 1, kStopped = 2 };
  Timestamp complete_until{};
  Timestamp written{};
  State state = State::kRecording;
  bool operator==(const Heartbeat&) const = default;
};

// The recorder's side of a lane's journal. Holds all gaps in memory, too. One thread. Requires: the lane's LaneLock.
class GapJournal {
 public:
  // Reads what is there; what is damaged is left out. Nothing is written yet.
  explicit GapJournal(std::string lane_directory);

  // Recording begins: what lies between the last recorder's life and `now` becomes a gap. `last_packet` is the latest
  // in the lane, which may be younger than the last heartbeat.
  Status BeginLife(Timestamp now, std::optional<Timestamp> last_packet);
  // What a write error keeps out of the file, here and below, gets there with the next call that succeeds.
  Status Add(const Gap& gap);
  // About once a second.
  Status Beat(Timestamp complete_until, Timestamp now);
  Status EndLife(Timestamp complete_until, Timestamp now);
  // Forgets gaps that end before the oldest packet of the archive.
  Status Trim(Timestamp oldest_packet);

  const std::vector<Gap>& gaps() const { return gaps_; }

 private:
  std::string path() const { return lane_directory_ + "/" + kGapJournalName; }
  Status WriteHeartbeat(const Heartbeat& heartbeat);
  Status WriteRecord(size_t number);
  Status WriteAll();
  bool Gone() const;

  std::string lane_directory_;
  FileDescriptor file_;
  size_t room_ = 0;     // records
  bool behind_ = true;  // the file lacks something
  std::vector<Gap> gaps_;
  std::optional<Heartbeat> heartbeat_;
};

// The gaps of a lane as far as its journal tells, in the order of their begin. While no recorder is running there is one
// that lasts. A lane without a journal (imported captures) has none. Any process.
Result<std::vector<Gap>> ReadGaps(const std::string& lane_directory, Timestamp now);

}  // namespace dashcap
