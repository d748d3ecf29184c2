#include "packet/pcap_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "packet/record_fields.h"

namespace dashcap {

std::optional<PcapReader::Format> PcapReader::FormatOf(std::span<const uint8_t, 4> magic) {
  Format format;
  for (const bool big_endian : {false, true}) {
    format.big_endian = big_endian;
    switch (FieldReader(magic, big_endian).U32()) {
      case 0xa1b2c3d4:
        return format;
      case 0xa1b23c4d:
        format.nanoseconds_per_tick = 1;
        return format;
      case 0xa1b2cd34:
        format.record_header_size = 24;
        return format;
      default:
        break;
    }
  }
  return std::nullopt;
}

bool PcapReader::Recognizes(std::span<const uint8_t, 4> magic) { return FormatOf(magic).has_value(); }

Result<std::unique_ptr<CaptureReader>> PcapReader::Open(ByteStream stream) {
  const Result<std::span<const uint8_t>> header = stream.Peek(kHeaderSize);
  if (!header) return Fail(header.error());
  if (header->size() < kHeaderSize) {
    return Fail(ErrorKind::kDamaged, fmt::format("{}: offset 0: file ends inside the pcap header: expected {} bytes, "
                                                 "found {}",
                                                 stream.name(), kHeaderSize, header->size()));
  }
  Format format = *FormatOf(header->first<4>());
  FieldReader fields(*header, format.big_endian);
  fields.Skip(4);
  const uint16_t major = fields.U16();
  format.minor = fields.U16();
  constexpr uint16_t kDgMajor = 543;  // DG/UX tcpdump
  if (major != 2 && major != kDgMajor) {
    return Fail(ErrorKind::kDamaged,
                fmt::format("{}: offset 4: pcap version {}.{}, expected 2.4", stream.name(), major, format.minor));
  }
  format.lengths_swapped = format.minor < 3 || major == kDgMajor;
  fields.Skip(8);
  Interface interface;
  interface.snap_length = fields.U32();
  // Above the link type stand the length of the frame check sequence and reserved bits.
  interface.link_type = static_cast<LinkType>(fields.U32() & 0xffff);
  stream.Consume(kHeaderSize);
  return std::unique_ptr<CaptureReader>(new PcapReader(std::move(stream), format, std::move(interface)));
}

Result<std::optional<Packet>> PcapReader::Damaged(std::string what) {
  final_error_ = Error{ErrorKind::kDamaged, fmt::format("{}: offset {}: {}", stream_.name(), position(), what)};
  return Fail(*final_error_);
}

Result<std::optional<Packet>> PcapReader::Next() {
  if (final_error_) return Fail(*final_error_);
  stream_.Consume(std::exchange(consumable_, 0));

  const Result<std::span<const uint8_t>> header = stream_.Peek(format_.record_header_size);
  if (!header) return Fail(*(final_error_ = header.error()));
  if (header->empty()) return std::optional<Packet>();
  if (header->size() < format_.record_header_size) {
    return Damaged(fmt::format("file ends inside a packet header: expected {} bytes, found {}",
                               format_.record_header_size, header->size()));
  }
  FieldReader fields(*header, format_.big_endian);
  const uint32_t seconds = fields.U32();
  const uint32_t ticks = fields.U32();
  uint32_t captured = fields.U32();
  uint32_t original = fields.U32();
  if (format_.lengths_swapped || (format_.minor == 3 && captured > original)) std::swap(captured, original);
  if (captured > kMaxCapturedLength) {
    return Damaged(fmt::format("packet of {} bytes, expected at most {}", captured, kMaxCapturedLength));
  }

  const size_t record_size = format_.record_header_size + captured;
  const Result<std::span<const uint8_t>> record = stream_.Peek(record_size);
  if (!record) return Fail(*(final_error_ = record.error()));
  if (record->size() < record_size) {
    return Damaged(fmt::format("file ends inside a packet: expected {} bytes, found {}", captured,
                               record->size() - format_.record_header_size));
  }
  consumable_ = record_size;

  Packet packet;
  packet.timestamp = FromUnixNanoseconds(seconds * int64_t{1'000'000'000} + ticks * format_.nanoseconds_per_tick);
  packet.original_length = original;
  packet.link_type = interfaces_[0].link_type;
  packet.bytes = record->subspan(format_.record_header_size);
  return std::optional(packet);
}

}  // namespace dashcap
