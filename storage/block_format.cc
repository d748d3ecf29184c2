#include "storage/block_format.h"

#include <algorithm>

#include "base/byte_order.h"
#include "base/byte_reader.h"
#include "base/crc32c.h"

namespace dashcap {
namespace {

// Stores integers one after the other. Requires room, which EncodeClosingRecord's precondition gives.
class Cursor {
 public:
  explicit Cursor(std::span<uint8_t> out) : out_(out) {}
  void Put16(uint16_t v) { StoreLittle16(Take(2), v); }
  void Put32(uint32_t v) { StoreLittle32(Take(4), v); }
  void Put64(uint64_t v) { StoreLittle64(Take(8), v); }
  void PutTime(Timestamp t) { Put64(static_cast<uint64_t>(ToUnixNanoseconds(t))); }
  size_t position() const { return position_; }

 private:
  uint8_t* Take(size_t count) { return &out_[std::exchange(position_, position_ + count)]; }
  std::span<uint8_t> out_;
  size_t position_ = 0;
};

Timestamp TakeTime(ByteReader& in) { return FromUnixNanoseconds(static_cast<int64_t>(in.Little64())); }

// `bytes` start at a supposed closing record and end at the end of its block.
std::optional<ClosingRecord> DecodeAt(std::span<const uint8_t> bytes) {
  ByteReader in(bytes);
  ClosingRecord record;
  const uint32_t type = in.Little32();
  const uint32_t total_length = in.Little32();
  const uint32_t magic = in.Little32();
  const uint16_t version = in.Little16();
  const uint16_t page_count = in.Little16();
  if (type != kClosingRecordType || magic != kClosingRecordMagic) return std::nullopt;
  if (version != kPlainVersion && version != kZstdVersion) return std::nullopt;
  record.packing = version == kZstdVersion ? Packing::kZstd : Packing::kPlain;
  if (total_length != bytes.size() || ClosingRecordSize(page_count, record.packing) > bytes.size()) return std::nullopt;
  record.file_id = in.Little64();
  record.block_offset = in.Little64();
  record.block_length = in.Little32();
  record.sequence = in.Little32();
  record.first_packet_number = in.Little64();
  record.packet_count = in.Little32();
  record.record_offset = in.Little32();
  record.first_time = TakeTime(in);
  record.last_time = TakeTime(in);
  record.file_first_time = TakeTime(in);
  record.file_last_time = TakeTime(in);
  const uint32_t link_type = in.Little32();
  record.link_type = static_cast<LinkType>(link_type);
  record.interface_count = in.Little32();
  if (record.packing == Packing::kZstd) {
    record.frame_length = in.Little32();
    in.Skip(4);
  }
  record.pages.resize(page_count);
  for (PageEntry& page : record.pages) {
    page.crc32c = in.Little32();
    page.first_record = in.Little16();
    page.packets_before = in.Little16();
  }
  const size_t checked = in.position();
  if (in.Little32() != Crc32c(bytes.first(checked)) || in.failed()) return std::nullopt;
  // Behind a good checksum these hold unless the writer was wrong; the readers rely on them.
  const bool consistent = link_type <= UINT16_MAX && record.block_length <= kMaxBlockSize &&
                          record.stored_length() <= kMaxBlockSize && record.stored_length() >= total_length &&
                          record.record_offset + total_length == record.block_length &&
                          page_count == (record.record_offset + kPageSize - 1) / kPageSize;
  return consistent ? std::optional(std::move(record)) : std::nullopt;
}

}  // namespace

void EncodeClosingRecord(const ClosingRecord& record, std::span<uint8_t> out) {
  Cursor to(out);
  const auto total_length = static_cast<uint32_t>(out.size());
  to.Put32(kClosingRecordType);
  to.Put32(total_length);
  to.Put32(kClosingRecordMagic);
  to.Put16(record.packing == Packing::kZstd ? kZstdVersion : kPlainVersion);
  to.Put16(static_cast<uint16_t>(record.pages.size()));
  to.Put64(record.file_id);
  to.Put64(record.block_offset);
  to.Put32(record.block_length);
  to.Put32(record.sequence);
  to.Put64(record.first_packet_number);
  to.Put32(record.packet_count);
  to.Put32(record.record_offset);
  to.PutTime(record.first_time);
  to.PutTime(record.last_time);
  to.PutTime(record.file_first_time);
  to.PutTime(record.file_last_time);
  to.Put32(static_cast<uint32_t>(record.link_type));
  to.Put32(record.interface_count);
  if (record.packing == Packing::kZstd) {
    to.Put32(record.frame_length);
    to.Put32(0);
  }
  for (const PageEntry& page : record.pages) {
    to.Put32(page.crc32c);
    to.Put16(page.first_record);
    to.Put16(page.packets_before);
  }
  to.Put32(Crc32c(out.first(to.position())));
  std::fill(out.begin() + static_cast<ptrdiff_t>(to.position()), out.end(), uint8_t{0});
  StoreLittle32(&out[out.size() - 4], total_length);
}

std::optional<ClosingRecord> DecodeClosingRecord(std::span<const uint8_t> tail) {
  if (tail.size() < ClosingRecordSize(0)) return std::nullopt;
  tail = tail.last(std::min(tail.size(), kClosingRecordMaxSize));
  const uint32_t length = LoadLittle32(&tail[tail.size() - 4]);
  if (length >= ClosingRecordSize(0) && length <= tail.size()) {
    if (auto record = DecodeAt(tail.last(length))) return record;
  }
  for (size_t size = ClosingRecordSize(0); size <= tail.size(); size += 4) {
    if (LoadLittle32(&tail[tail.size() - size]) != kClosingRecordType) continue;
    if (auto record = DecodeAt(tail.last(size))) return record;
  }
  return std::nullopt;
}

}  // namespace dashcap
