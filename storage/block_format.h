#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/time.h"
#include "packet/link_type.h"

// The on-disk format of blockfiles: docs/blockfile-format.md has the picture. A blockfile is one
// little-endian pcapng section, cut into blocks that start and end on 4 KiB boundaries. Block 0 is the header block
// (section header and interface descriptions), every other block holds enhanced packet records and interface
// statistics; each ends in a closing record, a local-use pcapng block that other readers skip. All interfaces of a file
// have one link type, because libpcap refuses others.
namespace dashcap {

inline constexpr size_t kBlockAlignment = 4096;       // O_DIRECT, and the unit of padding
inline constexpr size_t kMaxBlockSize = 1024 * 1024;  // closing record included
inline constexpr size_t kPageSize = 16 * 1024;        // the unit that can be read and checked alone
inline constexpr uint64_t kMaxBlockfileSize = uint64_t{16} << 30;

// The longest packet that a block can hold beside its closing record and statistics; longer ones are cut to it and
// counted.
inline constexpr size_t kMaxCapturedLength = 768 * 1024;

inline constexpr uint32_t kClosingRecordType = 0x80DC0001;
inline constexpr uint32_t kGapRecordType = 0x80DC0002;       // written by recovery over what a crash left unwritten
inline constexpr uint32_t kGapFrameMagic = 0x184D2A5D;       // the same among frames: one that readers of zstd skip
inline constexpr uint32_t kClosingRecordMagic = 0x50434344;  // "DCCP"
inline constexpr uint16_t kPlainVersion = 1;
inline constexpr uint16_t kZstdVersion = 2;  // the block is a zstd frame

// How a file's blocks are stored: as they are, or each as a zstd frame (storage/zstd_frame.h).
enum class Packing { kPlain, kZstd };

// One page of a block: kPageSize bytes counted from the block's start; the last page ends where the closing record
// begins.
struct PageEntry {
  static constexpr uint16_t kNoRecord = 0xFFFF;

  uint32_t crc32c = 0;                // of the page's bytes
  uint16_t first_record = kNoRecord;  // where the first packet record that starts in this page starts, in units of 4
                                      // bytes from the page's start
  uint16_t packets_before = 0;        // packet records of the block that start before this page
  bool operator==(const PageEntry&) const = default;
};

// What the closing record says. On disk, all little-endian:
//   u32  kClosingRecordType
//   u32  total length L
//   u32  magic
//   u16  version: kPlainVersion, or kZstdVersion
//   u16  page count
//   u64  file id
//   u64  block offset in the file
//   u32  block length, closing record included; of the content, where the block is a frame
//   u32  sequence number
//   u64  number of the block's first packet in the file
//   u32  packets in the block
//   u32  offset of this record in the block
//   i64  first time, i64 last time: earliest and latest packet of the block, ns since the epoch
//   i64  file's first time, i64 file's last time: of all packets of the file up to this block
//   u32  link type, u32 number of interfaces: so that a block can be read when the header block is damaged
//   u32  length of the frame, u32 0: with kZstdVersion only
//   pages: { u32 crc32c, u16 first record, u16 packets before } ...
//   u32  CRC-32C of this record so far
//   zeros
//   u32  L
// L reaches to the end of the block, so the last four bytes of every block lead to its closing record. It is stored as it
// is in a frame too, at the frame's end.
struct ClosingRecord {
  uint64_t file_id = 0;  // random, the same in every block of a file: tells real blocks from captured ones
  uint64_t block_offset = 0;
  uint32_t block_length = 0;  // in memory
  Packing packing = Packing::kPlain;
  uint32_t frame_length = 0;  // 0 when plain
  uint32_t sequence = 0;
  uint64_t first_packet_number = 0;
  uint32_t packet_count = 0;
  uint32_t record_offset = 0;
  Timestamp first_time{};  // the epoch in a block without packets
  Timestamp last_time{};
  Timestamp file_first_time{};
  Timestamp file_last_time{};
  LinkType link_type = LinkType::kEthernet;
  uint32_t interface_count = 0;
  std::vector<PageEntry> pages;
  // What the block takes in the file.
  uint32_t stored_length() const { return packing == Packing::kPlain ? block_length : frame_length; }
  bool operator==(const ClosingRecord&) const = default;
};

inline constexpr size_t kClosingRecordFixedSize = 96;
constexpr size_t ClosingRecordSize(size_t page_count, Packing packing = Packing::kPlain) {
  const size_t frame = packing == Packing::kZstd ? 8 : 0;
  return kClosingRecordFixedSize + frame + page_count * 8 + 4 /* CRC */ + 4 /* L */;
}

// A closing record with its padding is never longer, so this much of a block's end is enough to read it.
inline constexpr size_t kClosingRecordMaxSize = 2 * kBlockAlignment;
static_assert(ClosingRecordSize(kMaxBlockSize / kPageSize, Packing::kZstd) + kBlockAlignment <= kClosingRecordMaxSize);

// Writes the record at out[0], zero padded so that it fills `out`. Requires: out.size() >= ClosingRecordSize(pages,
// packing).
void EncodeClosingRecord(const ClosingRecord& record, std::span<uint8_t> out);

// The closing record that ends at the end of `tail`, if there is a sound one. `tail` is the last kClosingRecordMaxSize
// bytes of a block (or all of it when it is shorter). When the last length was damaged the record is searched for by
// its magic.
std::optional<ClosingRecord> DecodeClosingRecord(std::span<const uint8_t> tail);

}  // namespace dashcap
