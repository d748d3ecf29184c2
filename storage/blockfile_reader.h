#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/file_descriptor.h"
#include "base/result.h"
#include "packet/capture_writer.h"
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
  uint64_t packets = 0;        // lost in it, as far as known
  std::string reason;          // "/data/lane/17.pcapng: block at 1048576: page 3: checksum mismatch"
  bool never_written = false;  // a gap record: the recorder was stopped by force while these bytes were on their way
};

// Reads one blockfile, plain or of zstd frames, published or still being written. Positions are checked against the file before they are used.
// Const members may be called by several threads at once.
class BlockfileReader {
 public:
  // Fails with kNotFound when there is no such file, with kDamaged when neither the header block nor any other says
  // what the file is. A damaged header block alone is reported by header_damage(): interfaces then have no names.
  static Result<BlockfileReader> Open(const std::string& path);

  const std::string& path() const { return path_; }
  uint64_t file_id() const { return file_id_; }
  LinkType link_type() const { return interfaces_.front().link_type; }
  const std::vector<Interface>& interfaces() const { return interfaces_; }  // at least one
  const std::optional<DamagedRange>& header_damage() const { return header_damage_; }
  uint64_t header_length() const { return header_length_; }  // where the first block with packets belongs
  // Size now: an open file grows.
  Result<uint64_t> size() const;

  // The last block that is wholly on disk; nullopt when there is only the header block. Costs one or a few 8 KiB reads,
  // and tells the file's time range and packet count so far.
  Result<std::optional<ClosingRecord>> LastBlock() const;

  // What the capture counted up to the last block, by interface id.
  Result<std::vector<InterfaceCounts>> LastCounts() const;
  // What it had counted at the end of one block. Reads only the end of the block's records.
  Result<std::vector<InterfaceCounts>> CountsAt(const ClosingRecord& closing) const;

  // All blocks in file order, found from the end by hopping from closing record to closing record: 8 KiB read a block.
  // Where a closing record is damaged the next sound one before it is searched for and the space between is reported.
  // Of an open file, only those before the first that is still on its way to the disk.
  Result<std::vector<BlockSummary>> Blocks(std::vector<DamagedRange>& damage) const;
  // The same without regard to whether the file is still being written.
  Result<std::vector<BlockSummary>> AllBlocks(std::vector<DamagedRange>& damage) const;

  // Reads a whole block into `buffer` (resized as needed) and hands out its sound packets in order until `visit`
  // returns false.
  Status ReadBlock(const BlockSummary& block, std::vector<uint8_t>& buffer,
                   const std::function<bool(const NumberedPacket&)>& visit, std::vector<DamagedRange>& damage) const;

  // Appends the packets with those numbers in the file, ascending and all of `block`, reading only the pages they lie
  // in, or the block as a whole when that is cheaper; a frame always as a whole. Views stay valid until `buffer` is used again.
  Status ReadPackets(const BlockSummary& block, std::span<const uint32_t> numbers, std::vector<uint8_t>& buffer,
                     std::vector<NumberedPacket>& out, std::vector<DamagedRange>& damage) const;

  // The closing record of a block that Blocks() or an index told of; kDamaged when there is no sound one.
  Result<ClosingRecord> Closing(const BlockSummary& block) const;

 private:
  BlockfileReader() = default;
  Status ReadHeader();
  Result<std::vector<uint8_t>> FrameContent(const ClosingRecord& closing) const;
  Status IdentifyByBlocks(const std::string& reason);
  Status ReadAt(uint64_t offset, std::span<uint8_t> out) const;
  Status ReadRecords(const ClosingRecord& closing, std::span<const uint8_t> content, uint64_t offset,
                     std::span<uint8_t> out) const;
  std::optional<ClosingRecord> ClosingBefore(uint64_t end) const;
  Result<std::optional<ClosingRecord>> LastClosingBefore(uint64_t end) const;
  uint64_t GapBefore(uint64_t end) const;
  bool open_for_writing() const;

  std::string path_;
  FileDescriptor file_;
  uint64_t file_id_ = 0;
  uint64_t header_length_ = 0;
  std::vector<Interface> interfaces_;
  std::optional<DamagedRange> header_damage_;
};

}  // namespace dashcap
