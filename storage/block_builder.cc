#include "storage/block_builder.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

#include "base/byte_order.h"
#include "base/crc32c.h"
#include "packet/pcapng.h"

namespace dashcap {
namespace {

constexpr size_t kMaxPages = kMaxBlockSize / kPageSize;

uint64_t RecordTime(Timestamp time) { return static_cast<uint64_t>(std::max<int64_t>(ToUnixNanoseconds(time), 0)); }

}  // namespace

BlockBuilder::BlockBuilder(std::unique_ptr<SealedBlock> block, const ClosingRecord& place, size_t reserved)
    : block_(std::move(block)), packet_limit_(kMaxBlockSize - ClosingRecordSize(kMaxPages) - reserved) {
  ClosingRecord& closing = block_->closing;
  closing.pages.clear();
  closing.packing = Packing::kPlain;
  closing.frame_length = 0;
  closing.file_id = place.file_id;
  closing.block_offset = place.block_offset;
  closing.sequence = place.sequence;
  closing.first_packet_number = place.first_packet_number;
  closing.link_type = place.link_type;
  closing.interface_count = place.interface_count;
  closing.packet_count = 0;
  closing.first_time = kMaxTimestamp;
  closing.last_time = kMinTimestamp;
}

bool BlockBuilder::Append(const Packet& packet) {
  const size_t size = pcapng::EnhancedPacketSize(packet.bytes.size());
  if (used_ + size > packet_limit_ || packet.interface_id >= block_->closing.interface_count) return false;
  if (used_ >= block_->closing.pages.size() * kPageSize) EnterPages(used_);

  ClosingRecord& closing = block_->closing;
  const Timestamp time = std::max(packet.timestamp, Timestamp{});
  closing.first_time = std::min(closing.first_time, time);
  closing.last_time = std::max(closing.last_time, time);
  closing.packet_count++;

  uint8_t* out = block_->memory.data() + used_;
  const uint64_t nanoseconds = RecordTime(packet.timestamp);
  const size_t captured = packet.bytes.size();
  StoreLittle32(out + size - 8, 0);  // the padding; what is not padding is overwritten
  StoreLittle32(out, pcapng::kEnhancedPacket);
  StoreLittle32(out + 4, static_cast<uint32_t>(size));
  StoreLittle32(out + 8, packet.interface_id);
  StoreLittle32(out + 12, static_cast<uint32_t>(nanoseconds >> 32));
  StoreLittle32(out + 16, static_cast<uint32_t>(nanoseconds));
  StoreLittle32(out + 20, static_cast<uint32_t>(captured));
  StoreLittle32(out + 24, packet.original_length);
  if (captured > 0) std::memcpy(out + pcapng::kEnhancedPacketHeader, packet.bytes.data(), captured);
  StoreLittle32(out + size - 4, static_cast<uint32_t>(size));
  used_ += size;
  return true;
}

// Opens every page up to the one in which a packet record starts at `record_offset`.
void BlockBuilder::EnterPages(size_t record_offset) {
  std::vector<PageEntry>& pages = block_->closing.pages;
  const size_t page = record_offset / kPageSize;
  const auto packets_before = static_cast<uint16_t>(block_->closing.packet_count);
  while (pages.size() <= page) pages.push_back(PageEntry{0, PageEntry::kNoRecord, packets_before});
  pages[page].first_record = static_cast<uint16_t>((record_offset % kPageSize) / 4);
}

void BlockBuilder::AppendOther(std::span<const uint8_t> records) {
  assert(used_ + records.size() + ClosingRecordSize(kMaxPages) <= kMaxBlockSize);
  std::copy(records.begin(), records.end(), block_->memory.data() + used_);
  used_ += records.size();
}

std::unique_ptr<SealedBlock> BlockBuilder::Seal(Timestamp file_first, Timestamp file_last) && {
  ClosingRecord& closing = block_->closing;
  if (closing.packet_count == 0) closing.first_time = closing.last_time = Timestamp{};
  const bool first_packets = file_first > file_last;
  closing.file_first_time = closing.packet_count == 0 && first_packets ? Timestamp{} : file_first;
  closing.file_last_time = closing.packet_count == 0 && first_packets ? Timestamp{} : file_last;
  if (closing.packet_count > 0) {
    closing.file_first_time = std::min(closing.file_first_time, closing.first_time);
    closing.file_last_time = std::max(closing.file_last_time, closing.last_time);
  }

  closing.record_offset = static_cast<uint32_t>(used_);
  const size_t page_count = (used_ + kPageSize - 1) / kPageSize;
  const auto packets = static_cast<uint16_t>(closing.packet_count);
  closing.pages.resize(page_count, PageEntry{0, PageEntry::kNoRecord, packets});
  const std::span<const uint8_t> records = block_->memory.span().first(used_);
  for (size_t page = 0; page < page_count; page++) {
    const size_t start = page * kPageSize;
    closing.pages[page].crc32c = Crc32c(records.subspan(start, std::min(kPageSize, used_ - start)));
  }
  const size_t length =
      (used_ + ClosingRecordSize(page_count) + kBlockAlignment - 1) / kBlockAlignment * kBlockAlignment;
  closing.block_length = static_cast<uint32_t>(length);
  EncodeClosingRecord(closing, block_->memory.span().subspan(used_, length - used_));
  return std::move(block_);
}

}  // namespace dashcap
