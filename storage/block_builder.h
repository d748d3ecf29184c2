#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "packet/capture_writer.h"
#include "packet/packet.h"
#include "storage/block.h"

namespace dashcap {

// Fills one block with packet records and closes it. No allocation, lock or system call per packet. One thread.
class BlockBuilder {
 public:
  // `reserved` bytes stay free for the statistics records that Seal will be given.
  BlockBuilder(std::unique_ptr<SealedBlock> block, uint64_t file_id, uint64_t block_offset, uint32_t sequence,
               uint64_t first_packet_number, size_t reserved);

  // False when the packet does not fit any more. Requires: packet.bytes.size() <= kMaxCapturedLength.
  bool Append(const Packet& packet);

  uint32_t packet_count() const;
  // Of the packets so far. Requires: packet_count() > 0.
  Timestamp first_time() const;
  Timestamp last_time() const;

  // Adds the statistics records (already encoded), pages and closing record, and pads to 4 KiB. `file_first` and
  // `file_last` are the bounds over the packets of the earlier blocks.
  std::unique_ptr<SealedBlock> Seal(std::span<const uint8_t> statistics, Timestamp file_first, Timestamp file_last) &&;

 private:
  std::unique_ptr<SealedBlock> block_;
  ClosingRecord closing_;
  size_t used_ = 0;
  size_t limit_ = 0;
};

}  // namespace dashcap
