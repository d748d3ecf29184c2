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
  // Where the block belongs: file id, block offset, sequence, first packet number, link type and interface count of
  // `place` are taken over. `reserved` bytes stay free for the statistics records that Seal will be given.
  BlockBuilder(std::unique_ptr<SealedBlock> block, const ClosingRecord& place, size_t reserved);

  // False when the packet does not fit any more, or is of an interface that the file does not have.
  // Requires: packet.bytes.size() <= kMaxCapturedLength.
  bool Append(const Packet& packet);

  uint32_t packet_count() const { return block_->closing.packet_count; }
  Timestamp first_time() const { return block_->closing.first_time; }

  // Adds records that are not packets, already encoded: interface statistics, or the header block's section and
  // interfaces. Requires: they fit into `reserved`.
  void AppendOther(std::span<const uint8_t> records);

  // Closes the block: pages, closing record, padding to 4 KiB. `file_first` and `file_last` are the bounds over the
  // packets of the earlier blocks; of the first block with packets, kMaxTimestamp and kMinTimestamp.
  std::unique_ptr<SealedBlock> Seal(Timestamp file_first, Timestamp file_last) &&;

 private:
  void EnterPages(size_t record_offset);

  std::unique_ptr<SealedBlock> block_;
  size_t used_ = 0;
  size_t packet_limit_ = 0;
};

}  // namespace dashcap
