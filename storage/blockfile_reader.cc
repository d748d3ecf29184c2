#include "storage/blockfile_reader.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/byte_reader.h"
#include "packet/pcapng.h"
#include "storage/blockfile_header.h"
#include "storage/zstd_frame.h"

namespace dashcap {
namespace {

std::string BlockName(uint64_t offset) { return "block at " + std::to_string(offset); }

void ReadCounts(ByteReader body, std::vector<InterfaceCounts>& counts) {
  const uint32_t interface_id = body.Little32();
  body.Skip(8);
  if (interface_id >= counts.size()) return;
  InterfaceCounts& to = counts[interface_id];
  while (body.remaining() >= 4) {
    const uint16_t code = body.Little16();
    const uint16_t size = body.Little16();
    if (code == pcapng::kOptionEnd) break;
    ByteReader value(body.Bytes(pcapng::Padded(size)));
    if (size != 8) continue;
    if (code == pcapng::kIsbIfRecv) to.received = value.Little64();
    if (code == pcapng::kIsbIfDrop) to.dropped_nic = value.Little64();
    if (code == pcapng::kIsbFilterAccept) to.filtered = to.received - std::min(value.Little64(), to.received);
    if (code == pcapng::kIsbOsDrop) to.dropped_kernel = value.Little64();
    if (code == pcapng::kIsbUsrDeliv) to.delivered = value.Little64();
    if (code == pcapng::kIsbLost) to.lost = value.Little64();
  }
}

// The interface statistics records with which the records of a block end, found by hopping back over their lengths.
std::vector<InterfaceCounts> CountsIn(std::span<const uint8_t> records_end, size_t interface_count) {
  std::vector<InterfaceCounts> counts(interface_count);
  while (records_end.size() >= 12) {
    const uint32_t length = LoadLittle32(&records_end[records_end.size() - 4]);
    if (length < 12 || length % 4 != 0 || length > records_end.size()) break;
    ByteReader record(records_end.last(length));
    if (record.Little32() != pcapng::kInterfaceStatistics) break;
    record.Skip(4);
    ReadCounts(ByteReader(record.Bytes(length - 12)), counts);
    records_end = records_end.first(records_end.size() - length);
  }
  return counts;
}

// The pages of one block, read as they are needed, each at its place in the buffer.
class PageCache {
 public:
  // From an offset in the block.
  using ReadPages = std::function<Status(uint64_t offset, std::span<uint8_t> out)>;

  PageCache(const ClosingRecord& closing, std::vector<uint8_t>& buffer, ReadPages read)
      : closing_(closing),
        buffer_(buffer),
        read_(std::move(read)),
        wanted_(closing.pages.size()),
        sound_(wanted_.size()) {
    buffer_.resize(closing.record_offset);
  }

  void Want(size_t first_page, size_t last_page) {
    for (size_t page = first_page; page <= last_page && page < wanted_.size(); page++) wanted_[page] = true;
  }

  // Reads what is wanted, in few reads: half a block wanted is a block wanted.
  Status Load(std::vector<DamagedRange>& damage, const std::string& path) {
    const auto count = static_cast<size_t>(std::count(wanted_.begin(), wanted_.end(), true));
    if (count * 2 > wanted_.size()) std::fill(wanted_.begin(), wanted_.end(), true);
    for (size_t page = 0; page < wanted_.size();) {
      if (!wanted_[page]) {
        page++;
        continue;
      }
      size_t end = page;
      while (end < wanted_.size() && wanted_[end]) end++;
      const size_t from = page * kPageSize;
      const size_t to = std::min(end * kPageSize, buffer_.size());
      if (Status status = read_(from, std::span(buffer_).subspan(from, to - from)); !status) return status;
      for (; page < end; page++) Check(page, damage, path);
    }
    return {};
  }

  const std::vector<bool>& sound() const { return sound_; }
  const std::vector<bool>& wanted() const { return wanted_; }

 private:
  void Check(size_t page, std::vector<DamagedRange>& damage, const std::string& path) {
    sound_[page] = PageIsSound(closing_, buffer_, page);
    if (sound_[page]) return;
    const uint32_t next =
        page + 1 < closing_.pages.size() ? closing_.pages[page + 1].packets_before : closing_.packet_count;
    DamagedRange range{
        closing_.block_offset, closing_.stored_length(), next - closing_.pages[page].packets_before,
        path + ": " + BlockName(closing_.block_offset) + ": page " + std::to_string(page) + ": checksum mismatch"};
    // Of a frame nobody knows which of its bytes made the page.
    if (closing_.packing == Packing::kPlain) {
      range.offset += page * kPageSize;
      range.length = std::min(kPageSize, buffer_.size() - page * kPageSize);
    }
    damage.push_back(std::move(range));
  }

  const ClosingRecord& closing_;
  std::vector<uint8_t>& buffer_;
  ReadPages read_;
  std::vector<bool> wanted_;
  std::vector<bool> sound_;
};

bool IsGap(std::span<const uint8_t, 12> start, uint64_t length) {
  ByteReader in(start);
  const uint32_t type = in.Little32();
  const uint64_t says = in.Little32();
  if (type == kGapFrameMagic) return says + 8 == length && in.Little32() == kGapRecordType;
  return type == kGapRecordType && says == length;
}

// The header block from the first bytes of a file.
Result<BlockfileHeader> DecodeStart(std::span<const uint8_t> start) {
  for (size_t end = kBlockAlignment; IsFrame(start) && end <= start.size(); end += kBlockAlignment) {
    const auto closing = DecodeClosingRecord(start.first(end));
    if (!closing || closing->block_offset != 0 || closing->stored_length() != end) continue;
    std::vector<uint8_t> content(closing->block_length);
    if (Status status = ReadFrame(start.first(end), content); !status)
      return Fail(status.error().kind, "header block: " + status.error().message);
    return DecodeHeaderBlock(content);
  }
  return DecodeHeaderBlock(start);
}

// The page in which a packet record starts.
size_t PageOf(const ClosingRecord& closing, uint32_t index) {
  const auto after =
      std::upper_bound(closing.pages.begin(), closing.pages.end(), index,
                       [](uint32_t value, const PageEntry& entry) { return value < entry.packets_before; });
  auto page = static_cast<size_t>(after - closing.pages.begin());
  while (page > 0 && closing.pages[page - 1].first_record == PageEntry::kNoRecord) page--;
  return page == 0 ? 0 : page - 1;
}

}  // namespace

BlockSummary Summarize(const ClosingRecord& closing) {
  return {closing.block_offset,        closing.stored_length(), closing.packet_count,
          closing.first_packet_number, closing.first_time,      closing.last_time};
}

Result<BlockfileReader> BlockfileReader::Open(const std::string& path) {
  auto file = OpenFile(path, O_RDONLY | O_NOFOLLOW);
  if (!file) return Fail(file.error());
  BlockfileReader reader;
  reader.path_ = path;
  reader.file_ = std::move(*file);
  if (Status status = reader.ReadHeader(); !status) return Fail(status.error());
  return reader;
}

Status BlockfileReader::ReadHeader() {
  auto file_size = size();
  if (!file_size) return Fail(file_size.error());
  std::string reason;
  for (const size_t want : {size_t{16} * 1024, kMaxBlockSize}) {
    std::vector<uint8_t> start(std::min<uint64_t>(*file_size, want));
    if (Status status = ReadAt(0, start); !status) return status;
    auto header = DecodeStart(start);
    if (header) {
      file_id_ = header->closing.file_id;
      header_length_ = header->closing.stored_length();
      interfaces_ = std::move(header->interfaces);
      return {};
    }
    reason = header.error().message;
    if (start.size() == *file_size) break;
  }
  return IdentifyByBlocks(reason);
}

// The header block is damaged; every other block says enough to give its packets out.
Status BlockfileReader::IdentifyByBlocks(const std::string& reason) {
  auto file_size = size();
  if (!file_size) return Fail(file_size.error());
  for (uint64_t end = *file_size / kBlockAlignment * kBlockAlignment; end > 0; end -= kBlockAlignment) {
    const size_t length = std::min<uint64_t>(end, kClosingRecordMaxSize);
    std::vector<uint8_t> tail(length);
    if (Status status = ReadAt(end - length, tail); !status) return status;
    auto closing = DecodeClosingRecord(tail);
    if (!closing || closing->block_offset + closing->stored_length() != end || closing->sequence == 0) continue;
    file_id_ = closing->file_id;
    header_length_ = kBlockAlignment;
    constexpr uint32_t kBelievableInterfaces = 65536;
    interfaces_.resize(std::clamp<uint32_t>(closing->interface_count, 1, kBelievableInterfaces));
    for (Interface& interface : interfaces_) interface.link_type = closing->link_type;
    header_damage_ = DamagedRange{0, kBlockAlignment, 0, path_ + ": " + reason};
    return {};
  }
  return Fail(ErrorKind::kDamaged, path_ + ": " + reason);
}

Result<uint64_t> BlockfileReader::size() const {
  struct stat status;
  if (::fstat(file_.get(), &status) != 0) return Fail(SystemError("stat " + path_));
  return static_cast<uint64_t>(status.st_size);
}

Status BlockfileReader::ReadAt(uint64_t offset, std::span<uint8_t> out) const {
  while (!out.empty()) {
    const ssize_t got = ::pread(file_.get(), out.data(), out.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Fail(SystemError("read " + path_));
    if (got == 0) {
      return Fail(ErrorKind::kDamaged,
                  path_ + ": the file ends at " + std::to_string(offset) + ", in the middle of a block");
    }
    out = out.subspan(static_cast<size_t>(got));
    offset += static_cast<uint64_t>(got);
  }
  return {};
}

Result<std::vector<uint8_t>> BlockfileReader::FrameContent(const ClosingRecord& closing) const {
  if (closing.packing == Packing::kPlain) return std::vector<uint8_t>();
  std::vector<uint8_t> frame(closing.frame_length);
  if (Status status = ReadAt(closing.block_offset, frame); !status) return Fail(status.error());
  std::vector<uint8_t> content(closing.block_length);
  if (Status status = ReadFrame(frame, content); !status) {
    return Fail(status.error().kind, path_ + ": " + BlockName(closing.block_offset) + ": " + status.error().message);
  }
  return content;
}

// From an offset in the block; `content` is that of its frame, where it is one.
Status BlockfileReader::ReadRecords(const ClosingRecord& closing, std::span<const uint8_t> content, uint64_t offset,
                                    std::span<uint8_t> out) const {
  if (closing.packing == Packing::kPlain) return ReadAt(closing.block_offset + offset, out);
  std::copy_n(content.begin() + static_cast<ptrdiff_t>(offset), out.size(), out.begin());
  return {};
}

bool BlockfileReader::open_for_writing() const {
  const size_t slash = path_.rfind('/');
  return path_[slash == std::string::npos ? 0 : slash + 1] == '.';
}

// The closing record of the block that ends at `end`.
std::optional<ClosingRecord> BlockfileReader::ClosingBefore(uint64_t end) const {
  if (end <= header_length_) return std::nullopt;
  std::vector<uint8_t> tail(std::min<uint64_t>(end - header_length_, kClosingRecordMaxSize));
  if (!ReadAt(end - tail.size(), tail)) return std::nullopt;
  auto closing = DecodeClosingRecord(tail);
  if (!closing || closing->file_id != file_id_ || closing->sequence == 0) return std::nullopt;
  if (closing->block_offset < header_length_ || closing->block_offset + closing->stored_length() != end)
    return std::nullopt;
  return closing;
}

// Where the gap that ends at `end` begins; `end` itself when there is none. What lies in it is no part of the file any
// more, even where it looks like a block.
uint64_t BlockfileReader::GapBefore(uint64_t end) const {
  std::array<uint8_t, 4> tail{};
  std::array<uint8_t, 12> start{};
  if (end < header_length_ + kBlockAlignment || !ReadAt(end - tail.size(), tail)) return end;
  const uint32_t length = LoadLittle32(tail.data());
  if (length == 0 || length % kBlockAlignment != 0 || length > end - header_length_) return end;
  return ReadAt(end - length, start) && IsGap(start, length) ? end - length : end;
}

// The last sound block that ends at or before `end`.
Result<std::optional<ClosingRecord>> BlockfileReader::LastClosingBefore(uint64_t end) const {
  for (end = end / kBlockAlignment * kBlockAlignment; end > header_length_;) {
    if (auto closing = ClosingBefore(end)) return closing;
    const uint64_t gap = GapBefore(end);
    end = gap < end ? gap : end - kBlockAlignment;
  }
  return std::optional<ClosingRecord>{};
}

Result<std::optional<ClosingRecord>> BlockfileReader::LastBlock() const {
  auto file_size = size();
  if (!file_size) return Fail(file_size.error());
  return LastClosingBefore(*file_size);
}

Result<std::vector<InterfaceCounts>> BlockfileReader::LastCounts() const {
  auto last = LastBlock();
  if (!last) return Fail(last.error());
  if (!*last) return std::vector<InterfaceCounts>(interfaces_.size());
  return CountsAt(**last);
}

Result<std::vector<InterfaceCounts>> BlockfileReader::CountsAt(const ClosingRecord& closing) const {
  constexpr size_t kStatisticsAtMost = 256;  // of one interface
  std::vector<uint8_t> end(std::min<uint64_t>(closing.record_offset, interfaces_.size() * kStatisticsAtMost));
  auto content = FrameContent(closing);
  if (!content) return Fail(content.error());
  if (Status status = ReadRecords(closing, *content, closing.record_offset - end.size(), end); !status) {
    return Fail(status.error());
  }
  return CountsIn(end, interfaces_.size());
}

Result<std::vector<BlockSummary>> BlockfileReader::AllBlocks(std::vector<DamagedRange>& damage) const {
  auto file_size = size();
  if (!file_size) return Fail(file_size.error());
  std::vector<BlockSummary> blocks;
  size_t told = damage.size();  // ranges of which the lost packets are known
  const auto tell_lost = [&](uint64_t numbers_end) {
    if (damage.size() > told && !blocks.empty()) {
      const uint64_t next = blocks.back().first_packet_number;
      damage[told].packets = next - std::min(numbers_end, next);
    }
    told = damage.size();
  };
  const auto range = [this](uint64_t begin, uint64_t end, const char* what, bool never_written) {
    return DamagedRange{begin, end - begin, 0, path_ + ": " + BlockName(begin) + ": " + what, never_written};
  };
  uint64_t end = *file_size;
  while (end > header_length_) {
    if (const uint64_t begin = GapBefore(end); begin < end) {
      damage.push_back(range(begin, end, "was never written", true));
      end = begin;
      continue;
    }
    auto closing = LastClosingBefore(end);
    if (!closing) return Fail(closing.error());
    const uint64_t sound_end = *closing ? (*closing)->block_offset + (*closing)->stored_length() : header_length_;
    if (sound_end < end) damage.push_back(range(sound_end, end, "no sound closing record", false));
    if (!*closing) break;
    tell_lost((*closing)->first_packet_number + (*closing)->packet_count);
    blocks.push_back(Summarize(**closing));
    end = (*closing)->block_offset;
  }
  tell_lost(0);
  std::reverse(blocks.begin(), blocks.end());
  return blocks;
}

Result<std::vector<BlockSummary>> BlockfileReader::Blocks(std::vector<DamagedRange>& damage) const {
  std::vector<DamagedRange> found;
  auto blocks = AllBlocks(found);
  if (!blocks) return blocks;
  if (!open_for_writing()) {
    damage.insert(damage.end(), found.begin(), found.end());
    return blocks;
  }
  // What lies behind a gap will be there in a moment, and in order.
  uint64_t end = header_length_;
  size_t count = 0;
  while (count < blocks->size() && (*blocks)[count].offset == end) end += (*blocks)[count++].length;
  blocks->resize(count);
  return blocks;
}

Result<ClosingRecord> BlockfileReader::Closing(const BlockSummary& block) const {
  auto closing = ClosingBefore(block.offset + block.length);
  if (!closing || Summarize(*closing) != block) {
    return Fail(ErrorKind::kDamaged, path_ + ": " + BlockName(block.offset) + ": no sound closing record");
  }
  return std::move(*closing);
}

Status BlockfileReader::ReadBlock(const BlockSummary& block, std::vector<uint8_t>& buffer,
                                  const std::function<bool(const NumberedPacket&)>& visit,
                                  std::vector<DamagedRange>& damage) const {
  auto closing = Closing(block);
  if (!closing) {
    if (closing.error().kind != ErrorKind::kDamaged) return Fail(closing.error());
    damage.push_back({block.offset, block.length, block.packet_count, closing.error().message});
    return {};
  }
  auto content = FrameContent(*closing);
  if (!content) {
    if (content.error().kind != ErrorKind::kDamaged) return Fail(content.error());
    damage.push_back({block.offset, block.length, block.packet_count, content.error().message});
    return {};
  }
  PageCache pages(*closing, buffer, [&](uint64_t offset, std::span<uint8_t> out) {
    return ReadRecords(*closing, *content, offset, out);
  });
  pages.Want(0, closing->pages.size());
  if (Status status = pages.Load(damage, path_); !status) return status;
  BlockReader reader(*closing, buffer, pages.sound());
  while (auto packet = reader.Next()) {
    if (packet->packet.interface_id < interfaces_.size() && !visit(*packet)) break;
  }
  return {};
}

Status BlockfileReader::ReadPackets(const BlockSummary& block, std::span<const uint32_t> numbers,
                                    std::vector<uint8_t>& buffer, std::vector<NumberedPacket>& out,
                                    std::vector<DamagedRange>& damage) const {
  auto closing = Closing(block);
  if (!closing) {
    if (closing.error().kind != ErrorKind::kDamaged) return Fail(closing.error());
    damage.push_back({block.offset, block.length, numbers.size(), closing.error().message});
    return {};
  }
  auto content = FrameContent(*closing);
  if (!content) {
    if (content.error().kind != ErrorKind::kDamaged) return Fail(content.error());
    damage.push_back({block.offset, block.length, numbers.size(), content.error().message});
    return {};
  }
  PageCache pages(*closing, buffer, [&](uint64_t offset, std::span<uint8_t> out_bytes) {
    return ReadRecords(*closing, *content, offset, out_bytes);
  });
  // A record starts in its page and ends, at the latest, where the next page with a record in it has its first one.
  for (const uint32_t number : numbers) {
    const size_t page = PageOf(*closing, static_cast<uint32_t>(number - closing->first_packet_number));
    size_t last = page + 1;
    while (last < closing->pages.size() && closing->pages[last].first_record == PageEntry::kNoRecord) last++;
    pages.Want(page, last);
  }
  if (Status status = pages.Load(damage, path_); !status) return status;
  BlockReader reader(*closing, buffer, pages.sound());
  std::optional<NumberedPacket> next;
  for (const uint32_t number : numbers) {
    if (!next || next->number < number) {
      reader.SeekTo(static_cast<uint32_t>(number - closing->first_packet_number));
      next = reader.Next();
    }
    if (next && next->number == number && next->packet.interface_id < interfaces_.size()) out.push_back(*next);
  }
  return {};
}

}  // namespace dashcap
