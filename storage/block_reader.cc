#include "storage/block_reader.h"

#include <algorithm>
#include <utility>

#include "base/byte_reader.h"
#include "base/crc32c.h"
#include "packet/pcapng.h"

namespace dashcap {

bool PageIsSound(const ClosingRecord& closing, std::span<const uint8_t> records, size_t page) {
  const size_t start = page * kPageSize;
  if (start >= records.size()) return false;
  return Crc32c(records.subspan(start, std::min(kPageSize, records.size() - start))) == closing.pages[page].crc32c;
}

BlockReader::BlockReader(const ClosingRecord& closing, std::span<const uint8_t> records, Trust trust)
    : closing_(closing), records_(records), sound_pages_(closing.pages.size(), true) {
  if (trust == Trust::kOwnMemory) return;
  for (size_t page = 0; page < sound_pages_.size(); page++) sound_pages_[page] = PageIsSound(closing, records, page);
}

BlockReader::BlockReader(const ClosingRecord& closing, std::span<const uint8_t> records, std::vector<bool> sound_pages)
    : closing_(closing), records_(records), sound_pages_(std::move(sound_pages)) {}

bool BlockReader::Sound(size_t begin, size_t end) const {
  if (end > records_.size()) return false;
  for (size_t page = begin / kPageSize; page * kPageSize < end; page++) {
    if (page >= sound_pages_.size() || !sound_pages_[page]) return false;
  }
  return true;
}

// The next record's header and the packet's own headers come while this packet is worked on.
void BlockReader::Prefetch(size_t offset) const {
  constexpr size_t kCacheLine = 64;
  __builtin_prefetch(records_.data() + std::min(offset, records_.size()));
  __builtin_prefetch(records_.data() + std::min(offset + kCacheLine, records_.size()));
}

// To the first record that starts in a sound page behind the page of `offset`. False when there is none.
bool BlockReader::GoToPageAfter(size_t offset) {
  for (size_t page = offset / kPageSize + 1; page < sound_pages_.size(); page++) {
    const PageEntry& entry = closing_.pages[page];
    if (!sound_pages_[page] || entry.first_record == PageEntry::kNoRecord || entry.packets_before < index_) continue;
    offset_ = page * kPageSize + size_t{entry.first_record} * 4;
    index_ = entry.packets_before;
    return true;
  }
  offset_ = records_.size();
  index_ = closing_.packet_count;
  return false;
}

void BlockReader::SeekTo(uint32_t index) {
  // The last page before which no more than `index` packets start, and in which one does.
  size_t page = static_cast<size_t>(
      std::upper_bound(closing_.pages.begin(), closing_.pages.end(), index,
                       [](uint32_t value, const PageEntry& entry) { return value < entry.packets_before; }) -
      closing_.pages.begin());
  while (page > 0 && closing_.pages[page - 1].first_record == PageEntry::kNoRecord) page--;
  if (page == 0) return;
  const size_t start = (page - 1) * kPageSize + size_t{closing_.pages[page - 1].first_record} * 4;
  if (start > offset_ || index < index_) {
    offset_ = start;
    index_ = closing_.pages[page - 1].packets_before;
  }
  while (index_ < index) {
    ByteReader in(records_.subspan(std::min(offset_, records_.size())));
    const uint32_t type = in.Little32();
    const uint32_t total_length = in.Little32();
    if (!Sound(offset_, offset_ + 8) || total_length < 12 || total_length % 4 != 0) return;
    offset_ += total_length;
    if (type == pcapng::kEnhancedPacket) index_++;
  }
}

std::optional<NumberedPacket> BlockReader::Next() {
  while (offset_ < records_.size()) {
    ByteReader in(records_.subspan(offset_));
    const uint32_t type = in.Little32();
    const uint32_t total_length = in.Little32();
    const bool sound = Sound(offset_, offset_ + 8) && total_length >= 12 && total_length % 4 == 0 &&
                       Sound(offset_, offset_ + total_length);
    if (!sound) {
      const uint32_t lost_from = index_;
      GoToPageAfter(offset_);
      damaged_packets_ += index_ - lost_from;
      continue;
    }
    offset_ += total_length;
    Prefetch(offset_);
    if (type != pcapng::kEnhancedPacket) continue;
    NumberedPacket found{closing_.first_packet_number + index_++, {}};
    found.packet.interface_id = in.Little32();
    const uint64_t high = in.Little32();
    found.packet.timestamp = FromUnixNanoseconds(static_cast<int64_t>(high << 32 | in.Little32()));
    const uint32_t captured = in.Little32();
    found.packet.original_length = in.Little32();
    found.packet.link_type = closing_.link_type;
    found.packet.bytes = in.Bytes(captured);
    if (in.failed() || pcapng::EnhancedPacketSize(captured) > total_length) {
      damaged_packets_++;
      continue;
    }
    return found;
  }
  return std::nullopt;
}

}  // namespace dashcap
