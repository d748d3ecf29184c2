#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/file_descriptor.h"
#include "base/result.h"
#include "packet/packet.h"
#include "storage/block_format.h"
#include "storage/block_reader.h"

namespace dashcap {

// Where a block is and what it holds, without its pages: what the index's block directory keeps.
struct BlockSummary {
  uint64_t offset = 0;
  uint32_t length = 0;
  uint32_t packet_count = 0;
  uint64_t first_packet_number = 0;
  Timestamp first_time{};
  Timestamp last_time{};
  bool operator==(const BlockSummary&) const = default;
};

BlockSummary Summarize(const ClosingRecord& closing);

// A part of a blockfile that could not be read.
struct DamagedRange {
  uint64_t offset = 0;
  uint64_t length = 0;
  uint64_t packets = 0;  // lost in it, as far as known
  std::string reason;    // "block at 1048576: page 3: checksum mismatch"
};

// Reads one blockfile, published or still being written. Positions are checked against the file before they are used.
// Const members may be called by several threads at once.
class BlockfileReader {
 public:
  // Fails when the header block is missing or damaged (kDamaged), naming path and place.
  static Result<BlockfileReader> Open(const std::string& path);

  const std::string& path() const { return path_; }
  uint64_t file_id() const { return file_id_; }
  const std::vector<Interface>& interfaces() const { return interfaces_; }
  LinkType link_type() const;
  // Size now: an open file grows.
  Result<uint64_t> size() const;

  // The last block that is wholly on disk; nullopt when there is only the header block. Costs one or a few 4 KiB reads,
  // and tells the file's time range and packet count so far (file_first_time, file_last_time, first_packet_number + packet_count).
  Result<std::optional<ClosingRecord>> LastBlock() const;

  // All blocks in file order, found from the end by hopping from closing record to closing record: 4 KiB read a block.
  // Where a closing record is damaged the next sound one before it is searched for and the space between is reported.
  // Blocks that are still on their way to the disk (open file) simply aren't there yet.
  Result<std::vector<BlockSummary>> Blocks(std::vector<DamagedRange>& damage) const;

  // Reads a whole block into `buffer` (resized as needed) and hands out its sound packets in order until `visit` returns false.
  Status ReadBlock(const BlockSummary& block, std::vector<uint8_t>& buffer,
                   const std::function<bool(const NumberedPacket&)>& visit, std::vector<DamagedRange>& damage) const;

  // The packets with those numbers, ascending and all in `block`, reading only the pages they lie in, or the block as a
  // whole when that is cheaper. Views stay valid until `buffer` is used again.
  Status ReadPackets(const BlockSummary& block, std::span<const uint32_t> numbers, std::vector<uint8_t>& buffer,
                     std::vector<NumberedPacket>& out, std::vector<DamagedRange>& damage) const;

  // The statistics records of the last block: counts per interface id, cumulative.
  // (See capture_writer.h for InterfaceCounts.)

 private:
  BlockfileReader() = default;
  std::string path_;
  FileDescriptor file_;
  uint64_t file_id_ = 0;
  uint64_t header_length_ = 0;
  std::vector<Interface> interfaces_;
};

}  // namespace dashcap
