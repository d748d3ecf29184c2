#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "storage/block.h"
#include "storage/disk_writer.h"
#include "storage/lane_options.h"
#include "storage/open_blockfile.h"
#include "storage/packet_ledger.h"

namespace dashcap {

// The blocks of one lane that are on their way to the disk. A short write is continued, a disk without room is asked
// again until it has some (or not, by options.no_space), and a block that can't be written is given up: its packets are
// entered into the ledger as lost, and its file is not complete() any more. One thread.
class BlockWrites {
 public:
  // The ledger must outlive this.
  static Result<BlockWrites> Create(const LaneOptions& options, PacketLedger& ledger);

  // Sends a block on its way that has its number and place in the file; waits while as many writes are in flight as may
  // be. The file must stay until it is Settled().
  void Start(OpenBlockfile& file, std::shared_ptr<const SealedBlock> block);

  // Takes note of what is done by now; if asked to waits for one write, or for the time of the next retry.
  void Collect(DiskWriter::Wait wait);

  bool empty() const { return pending_.empty(); }
  unsigned in_flight() const { return disk_.in_flight(); }

  uint64_t write_errors() const { return write_errors_; }
  // The time of the earliest packet that is on its way.
  std::optional<Timestamp> oldest() const;

  // The first block given up since the last call, where options.no_space is kFail.
  Status TakeFailure();

 private:
  struct PendingWrite {
    OpenBlockfile* file;
    std::shared_ptr<const SealedBlock> block;
    size_t done = 0;  // bytes
  };

  BlockWrites(const LaneOptions& options, PacketLedger& ledger, DiskWriter disk);
  void Submit(uint64_t tag, const PendingWrite& write);
  void Judge(const DiskWriter::Done& done);
  void Continue(uint64_t tag, PendingWrite& write, size_t bytes);
  void WaitForRoom(uint64_t tag, int error);
  void Retry();
  void GiveUp(uint64_t tag, int error);

  LaneOptions options_;
  PacketLedger* ledger_;
  std::unordered_map<uint64_t, PendingWrite> pending_;
  uint64_t next_tag_ = 0;
  std::vector<uint64_t> retries_;
  std::chrono::steady_clock::time_point next_retry_;
  std::optional<std::chrono::steady_clock::time_point> give_up_at_;
  bool out_of_room_ = false;
  bool failing_ = false;
  std::chrono::steady_clock::time_point next_complaint_;
  std::optional<Error> failure_;
  uint64_t write_errors_ = 0;
  DiskWriter disk_;  // last: its destruction ends the writes before their blocks go
};

}  // namespace dashcap
