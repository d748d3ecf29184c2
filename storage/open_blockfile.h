#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/file_descriptor.h"
#include "base/result.h"
#include "base/time.h"
#include "packet/packet.h"
#include "storage/block.h"
#include "storage/lane_options.h"
#include "storage/packet_ledger.h"

namespace dashcap {

// One blockfile that is being written: where its next block goes, and what becomes of it in the end. LaneWriter writes
// the blocks; this knows the file. One thread at a time.
class OpenBlockfile {
 public:
  struct Contents {
    LinkType link_type = LinkType::kEthernet;
    uint32_t interface_count = 1;
    Packing packing = Packing::kPlain;
  };
  // Creates the file, hidden, under a name that no other file of the lane has.
  static Result<std::unique_ptr<OpenBlockfile>> Create(const std::string& lane_directory, Timestamp start,
                                                       const Contents& contents, LaneOptions::Sync sync);

  int fd() const { return file_.get(); }
  uint64_t file_id() const { return file_id_; }
  LinkType link_type() const { return contents_.link_type; }
  const std::string& path() const { return path_; }  // hidden
  Packing packing() const { return contents_.packing; }
  // At most this, while blocks have no place yet.
  uint64_t size() const { return next_offset_ + unplaced_ * kMaxBlockSize; }
  uint64_t packets() const { return packets_; }
  std::chrono::steady_clock::time_point created() const { return created_; }

  // Where the next block belongs.
  ClosingRecord NextPlace() const;
  Timestamp first_time() const { return first_time_; }
  Timestamp last_time() const { return last_time_; }

  // The next block has been made, and its bytes are going to the disk.
  void Number(const SealedBlock& block);
  // Where the blocks begin that have a place; the next one is given its place here, in the order of their numbers.
  uint64_t next_offset() const { return next_offset_; }
  void Place(const SealedBlock& block);

  // With the packets that are on the disk now, by interface id.
  void WriteDone(std::span<const uint64_t> packets);
  // The block at `offset` will never be on disk.
  void WriteFailed(uint64_t offset, uint32_t length, uint32_t packets);

  void Close() { closing_ = true; }
  bool Settled() const { return writes_in_flight_ == 0; }
  bool ReadyToPublish() const { return closing_ && Settled(); }
  // Every block is on the disk so far.
  bool complete() const { return !block_lost_; }
  // What would be lost with it.
  std::vector<LostPackets> StoredPackets() const;
  // Somebody has removed it.
  bool Removed() const;

  // Cuts what was preallocated, covers what failed with gap records, syncs, and renames. Gives the published path;
  // nullopt when no packet was left and the file was removed. Requires: ReadyToPublish().
  Result<std::optional<std::string>> Publish(bool sync);

 private:
  struct FailedRange {
    uint64_t offset;
    uint32_t length;
  };
  void Preallocate();

  std::string lane_directory_;
  std::string path_;
  std::string published_path_;
  FileDescriptor file_;
  uint64_t file_id_ = 0;
  Contents contents_;
  std::chrono::steady_clock::time_point created_;
  uint64_t next_offset_ = 0;
  uint64_t unplaced_ = 0;  // blocks
  uint64_t preallocated_ = 0;
  uint64_t packets_ = 0;
  uint64_t packets_failed_ = 0;
  std::vector<uint64_t> stored_;  // by interface id
  uint32_t next_sequence_ = 0;
  Timestamp first_time_ = kMaxTimestamp;
  Timestamp last_time_ = kMinTimestamp;
  unsigned writes_in_flight_ = 0;
  std::vector<FailedRange> failed_;
  bool block_lost_ = false;
  bool closing_ = false;
};

// Makes the range of a blockfile a record that pcapng readers skip, or a frame that zstd skips, or several when it is
// long. Requires: multiples of 4 KiB, length > 0.
Status WriteGapRecord(int fd, uint64_t offset, uint64_t length, Packing packing);

// Makes a directory's new names survive a power cut.
Status SyncDirectory(const std::string& directory);

}  // namespace dashcap
