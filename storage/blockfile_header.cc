#include "storage/blockfile_header.h"

#include <algorithm>
#include <string>

#include "base/byte_reader.h"
#include "packet/capture_writer.h"
#include "packet/pcapng.h"
#include "storage/block_builder.h"
#include "storage/block_reader.h"
#include "storage/zstd_frame.h"

namespace dashcap {
namespace {

Error Damaged(size_t offset, const std::string& what) {
  return Error{ErrorKind::kDamaged, "header block: offset " + std::to_string(offset) + ": " + what};
}

std::string TextOf(std::span<const uint8_t> bytes) { return {bytes.begin(), bytes.end()}; }

// The body of an interface description block, as AppendPcapngInterface writes it.
std::optional<Interface> DecodeInterface(std::span<const uint8_t> body) {
  ByteReader in(body);
  Interface interface;
  interface.link_type = static_cast<LinkType>(in.Little16());
  in.Skip(2);
  interface.snap_length = in.Little32();
  while (in.remaining() >= 4) {
    const uint16_t code = in.Little16();
    const uint16_t length = in.Little16();
    const std::span<const uint8_t> value = in.Bytes(length);
    in.Skip(pcapng::Padded(length) - length);
    if (in.failed()) return std::nullopt;
    if (code == pcapng::kOptionEnd) break;
    if (code == pcapng::kIfName) interface.name = TextOf(value);
    if (code == pcapng::kIfDescription) interface.description = TextOf(value);
    if (code == pcapng::kIfFilter && !value.empty()) interface.filter = TextOf(value.subspan(1));
  }
  if (in.failed()) return std::nullopt;
  return interface;
}

}  // namespace

Status CheckInterfaces(const std::vector<Interface>& interfaces) {
  if (interfaces.empty()) return Fail(ErrorKind::kInvalidInput, "a blockfile needs an interface");
  for (const Interface& interface : interfaces) {
    if (interface.link_type != interfaces.front().link_type) {
      return Fail(ErrorKind::kInvalidInput, "interfaces " + interfaces.front().name + " and " + interface.name +
                                                " differ in link type, which one blockfile cannot hold");
    }
  }
  return {};
}

std::unique_ptr<SealedBlock> MakeHeaderBlock(uint64_t file_id, const std::vector<Interface>& interfaces,
                                             Packing packing) {
  std::vector<uint8_t> records;
  AppendPcapngSection("dashcap " DASHCAP_VERSION, "", records);
  // libpcap refuses a file whose interfaces differ in snap length; each packet has its own lengths anyway.
  for (Interface interface : interfaces) {
    interface.snap_length = 0;
    AppendPcapngInterface(interface, records);
  }
  auto block = std::make_unique<SealedBlock>();
  block->memory = AlignedBuffer(kMaxBlockSize);
  ClosingRecord place;
  place.file_id = file_id;
  place.link_type = interfaces.front().link_type;
  place.interface_count = static_cast<uint32_t>(interfaces.size());
  BlockBuilder builder(std::move(block), place, records.size());
  builder.AppendOther(records);
  block = std::move(builder).Seal(kMaxTimestamp, kMinTimestamp);
  if (packing == Packing::kZstd) {
    block->frame = AlignedBuffer(kMaxBlockSize);
    EndFrame(block->closing, BeginPlainFrame(block->records(), block->frame.span()), block->frame.span());
  }
  return block;
}

Result<BlockfileHeader> DecodeHeaderBlock(std::span<const uint8_t> start_of_file) {
  BlockfileHeader header;
  ByteReader in(start_of_file);
  while (true) {
    const size_t offset = in.position();
    const uint32_t type = in.Little32();
    const uint32_t length = in.Little32();
    if (offset == 0 && type != pcapng::kSectionHeader) return Fail(Damaged(0, "expected a pcapng section header"));
    if (in.failed() || length < 12 || length % 4 != 0) return Fail(Damaged(offset, "expected a record"));
    const std::span<const uint8_t> body = in.Bytes(length - 12);
    in.Skip(4);
    if (in.failed()) return Fail(Damaged(offset, "the record is longer than the file"));
    if (type == pcapng::kInterfaceDescription) {
      auto interface = DecodeInterface(body);
      if (!interface) return Fail(Damaged(offset, "malformed interface description"));
      header.interfaces.push_back(std::move(*interface));
    }
    if (type != kClosingRecordType) continue;
    const std::span<const uint8_t> block = start_of_file.first(in.position());
    auto closing = DecodeClosingRecord(block);
    if (!closing || closing->sequence != 0 || closing->block_offset != 0 || closing->block_length != block.size()) {
      return Fail(Damaged(offset, "malformed closing record"));
    }
    header.closing = std::move(*closing);
    break;
  }
  const std::span<const uint8_t> records = start_of_file.first(header.closing.record_offset);
  for (size_t page = 0; page < header.closing.pages.size(); page++) {
    if (!PageIsSound(header.closing, records, page)) return Fail(Damaged(page * kPageSize, "checksum mismatch"));
  }
  if (Status status = CheckInterfaces(header.interfaces); !status) return Fail(Damaged(0, status.error().message));
  return header;
}

}  // namespace dashcap
