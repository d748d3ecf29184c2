#include "packet/pcapng_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "packet/pcapng.h"

namespace dashcap {
namespace {

constexpr uint32_t kSmallestBlock = 12;          // type and two lengths
constexpr uint32_t kSmallestSectionHeader = 28;  // with byte-order magic, version and section length
// A block with a packet of the largest size and the options that may follow it.
constexpr uint32_t kLargestBlock = 2 * kMaxCapturedLength;

bool IsRead(uint32_t type) {
  return type == pcapng::kSectionHeader || type == pcapng::kInterfaceDescription || type == pcapng::kEnhancedPacket ||
         type == pcapng::kSimplePacket || type == pcapng::kObsoletePacket;
}

std::string Text(std::span<const uint8_t> bytes) {
  // Some writers count the terminating NUL in.
  return std::string(bytes.begin(), std::find(bytes.begin(), bytes.end(), 0));
}

}  // namespace

bool PcapngReader::Recognizes(std::span<const uint8_t, 4> magic) {
  return LoadLittle32(magic.data()) == pcapng::kSectionHeader;
}

Result<std::unique_ptr<CaptureReader>> PcapngReader::Open(ByteStream stream) {
  std::unique_ptr<PcapngReader> reader(new PcapngReader(std::move(stream)));
  // The section header is read now, not with the first packet, so that a broken file is refused when it is opened.
  const Result<std::optional<Block>> block = reader->PeekBlock();
  if (!block) return Fail(block.error());
  const Result<std::span<const uint8_t>> body = reader->BlockBody(**block);
  if (!body) return Fail(body.error());
  if (const Status read = reader->ReadSectionHeader(FieldReader(*body, reader->big_endian_)); !read) {
    return Fail(read.error());
  }
  return std::unique_ptr<CaptureReader>(std::move(reader));
}

Error PcapngReader::Damaged(std::string_view what) const {
  return Error{ErrorKind::kDamaged, fmt::format("{}: offset {}: {}", stream_.name(), position(), what)};
}

Result<std::optional<Packet>> PcapngReader::Next() {
  if (final_error_) return Fail(*final_error_);
  Result<std::optional<Packet>> packet = NextUnlessDamaged();
  if (!packet) final_error_ = packet.error();
  return packet;
}

Result<std::optional<Packet>> PcapngReader::NextUnlessDamaged() {
  while (true) {
    stream_.Consume(std::exchange(consumable_, 0));
    const Result<std::optional<Block>> block = PeekBlock();
    if (!block) return Fail(block.error());
    if (!*block) return std::optional<Packet>();
    if (!IsRead((*block)->type)) {
      if (const Status skipped = SkipBlock(**block); !skipped) return Fail(skipped.error());
      continue;
    }
    const Result<std::span<const uint8_t>> body = BlockBody(**block);
    if (!body) return Fail(body.error());
    Result<std::optional<Packet>> packet = ReadBlock((*block)->type, FieldReader(*body, big_endian_));
    if (!packet || *packet) return packet;
  }
}

Result<std::optional<PcapngReader::Block>> PcapngReader::PeekBlock() {
  const Result<std::span<const uint8_t>> head = stream_.Peek(kSmallestBlock);
  if (!head) return Fail(head.error());
  if (head->empty()) return std::optional<Block>();
  if (head->size() < kSmallestBlock) {
    return Fail(Damaged(
        fmt::format("file ends inside a block: expected at least {} bytes, found {}", kSmallestBlock, head->size())));
  }
  // The type of a section header reads the same in both byte orders.
  const bool section = LoadLittle32(head->data()) == pcapng::kSectionHeader;
  if (section) {
    const uint32_t magic = LoadLittle32(&(*head)[8]);
    if (magic != pcapng::kByteOrderMagic && magic != __builtin_bswap32(pcapng::kByteOrderMagic)) {
      return Fail(Damaged(fmt::format("section with byte-order magic {:08x}, expected {:08x} in either order", magic,
                                      pcapng::kByteOrderMagic)));
    }
    big_endian_ = magic != pcapng::kByteOrderMagic;
  }
  FieldReader fields(*head, big_endian_);
  Block block;
  block.type = fields.U32();
  block.length = fields.U32();
  const uint32_t smallest = section ? kSmallestSectionHeader : kSmallestBlock;
  if (block.length < smallest || block.length % 4 != 0) {
    return Fail(Damaged(fmt::format("block of type {:#x} with length {}, expected a multiple of 4, at least {}",
                                    block.type, block.length, smallest)));
  }
  return std::optional(block);
}

Result<std::span<const uint8_t>> PcapngReader::BlockBody(const Block& block) {
  if (block.length > kLargestBlock) {
    return Fail(Damaged(fmt::format("block of type {:#x} with length {}, expected at most {}", block.type, block.length,
                                    kLargestBlock)));
  }
  const Result<std::span<const uint8_t>> bytes = stream_.Peek(block.length);
  if (!bytes) return Fail(bytes.error());
  if (bytes->size() < block.length) {
    return Fail(Damaged(fmt::format("file ends inside a block of type {:#x}: expected {} bytes, found {}", block.type,
                                    block.length, bytes->size())));
  }
  FieldReader trailer(bytes->last(4), big_endian_);
  if (const uint32_t repeated = trailer.U32(); repeated != block.length) {
    return Fail(Damaged(
        fmt::format("block of type {:#x} begins with length {} and ends with {}", block.type, block.length, repeated)));
  }
  consumable_ = block.length;
  return bytes->subspan(8, block.length - kSmallestBlock);
}

Status PcapngReader::SkipBlock(const Block& block) {
  const Error cut =
      Damaged(fmt::format("file ends inside a block of type {:#x} of {} bytes", block.type, block.length));
  const Result<bool> skipped = stream_.Skip(block.length);
  if (!skipped) return Fail(skipped.error());
  if (!*skipped) return Fail(cut);
  return {};
}

Result<std::optional<Packet>> PcapngReader::ReadBlock(uint32_t type, FieldReader body) {
  Status read;
  switch (type) {
    case pcapng::kEnhancedPacket:
      return ReadEnhancedPacket(body);
    case pcapng::kSimplePacket:
      return ReadSimplePacket(body);
    case pcapng::kObsoletePacket:
      return ReadObsoletePacket(body);
    case pcapng::kInterfaceDescription:
      read = ReadInterface(body);
      break;
    case pcapng::kSectionHeader:
      read = ReadSectionHeader(body);
      break;
  }
  if (!read) return Fail(read.error());
  return std::optional<Packet>();
}

Status PcapngReader::ReadSectionHeader(FieldReader body) {
  body.Skip(4);
  const uint16_t major = body.U16();
  const uint16_t minor = body.U16();
  if (major != 1) return Fail(Damaged(fmt::format("pcapng version {}.{}, expected 1.0", major, minor)));
  section_interfaces_ = interfaces_.size();
  return {};
}

Status PcapngReader::ReadInterface(FieldReader body) {
  Interface interface;
  TimestampResolution resolution;
  interface.link_type = static_cast<LinkType>(body.U16());
  body.Skip(2);
  interface.snap_length = body.U32();
  if (body.failed()) return Fail(Damaged("interface description without link type and snap length"));

  while (body.remaining() >= 4) {
    const uint16_t code = body.U16();
    const uint16_t length = body.U16();
    if (code == pcapng::kOptionEnd) break;
    const auto value = body.Bytes(length);
    if (body.failed()) {
      return Fail(Damaged(fmt::format("interface option {} of {} bytes runs past its block", code, length)));
    }
    body.Skip(std::min(pcapng::Padded(length) - length, body.remaining()));
    if (code == pcapng::kIfName) interface.name = Text(value);
    if (code == pcapng::kIfDescription) interface.description = Text(value);
    // The first byte says what follows: 0 is text, 1 a BPF program.
    if (code == pcapng::kIfFilter && length > 0 && value[0] == 0) interface.filter = Text(value.subspan(1));
    if (code == pcapng::kIfTsResol && length >= 1) resolution.exponent = value[0];
    if (code == pcapng::kIfTsOffset && length >= 8) {
      resolution.offset_seconds = static_cast<int64_t>(FieldReader(value, big_endian_).U64());
    }
  }
  interfaces_.push_back(std::move(interface));
  resolutions_.push_back(resolution);
  return {};
}

Result<size_t> PcapngReader::InterfaceId(uint32_t number_in_section) const {
  const size_t described = interfaces_.size() - section_interfaces_;
  if (number_in_section >= described) {
    return Fail(Damaged(fmt::format("packet block of interface {}, but only {} {} described", number_in_section,
                                    described, described == 1 ? "is" : "are")));
  }
  return section_interfaces_ + number_in_section;
}

Result<std::optional<Packet>> PcapngReader::ReadEnhancedPacket(FieldReader body) {
  const Result<size_t> interface_id = InterfaceId(body.U32());
  if (!interface_id) return Fail(interface_id.error());
  const uint64_t ticks_high = body.U32();
  const uint64_t ticks = ticks_high << 32 | body.U32();
  const uint32_t captured = body.U32();
  const uint32_t original = body.U32();
  return MakePacket(*interface_id, resolutions_[*interface_id].ToTimestamp(ticks), captured, original, body);
}

Result<std::optional<Packet>> PcapngReader::ReadObsoletePacket(FieldReader body) {
  const Result<size_t> interface_id = InterfaceId(body.U16());
  if (!interface_id) return Fail(interface_id.error());
  body.Skip(2);  // packets dropped
  const uint64_t ticks_high = body.U32();
  const uint64_t ticks = ticks_high << 32 | body.U32();
  const uint32_t captured = body.U32();
  const uint32_t original = body.U32();
  return MakePacket(*interface_id, resolutions_[*interface_id].ToTimestamp(ticks), captured, original, body);
}

// Of the first interface, without a time; the captured length is what the snap length leaves.
Result<std::optional<Packet>> PcapngReader::ReadSimplePacket(FieldReader body) {
  const Result<size_t> interface_id = InterfaceId(0);
  if (!interface_id) return Fail(interface_id.error());
  const uint32_t original = body.U32();
  const uint32_t snap_length = interfaces_[*interface_id].snap_length;
  const uint32_t captured = snap_length == 0 ? original : std::min(snap_length, original);
  return MakePacket(*interface_id, Timestamp{}, captured, original, body);
}

Result<std::optional<Packet>> PcapngReader::MakePacket(size_t interface_id, Timestamp time, uint32_t captured_length,
                                                       uint32_t original_length, FieldReader data) const {
  if (data.failed()) return Fail(Damaged("packet block shorter than its fields"));
  if (captured_length > data.remaining()) {
    return Fail(Damaged(
        fmt::format("packet of {} bytes in a block with {} bytes left for it", captured_length, data.remaining())));
  }
  Packet packet;
  packet.timestamp = time;
  packet.original_length = original_length;
  packet.interface_id = static_cast<uint32_t>(interface_id);
  packet.link_type = interfaces_[interface_id].link_type;
  packet.bytes = data.Bytes(captured_length);
  return std::optional(packet);
}

}  // namespace dashcap
