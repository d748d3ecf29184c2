#pragma once

#include <optional>
#include <span>
#include <vector>

#include "packet/byte_stream.h"
#include "packet/capture_reader.h"
#include "packet/record_fields.h"
#include "packet/timestamp_resolution.h"

namespace dashcap {

// pcapng files (draft-ietf-opsawg-pcapng). Each section has its own byte order and counts its interfaces from 0; the
// reader's list goes on counting.
class PcapngReader final : public CaptureReader {
 public:
  static bool Recognizes(std::span<const uint8_t, 4> magic);

  static Result<std::unique_ptr<CaptureReader>> Open(ByteStream stream);

  Result<std::optional<Packet>> Next() override;
  const std::vector<Interface>& interfaces() const override { return interfaces_; }
  uint64_t position() const override { return stream_.position(); }

 private:
  struct Block {
    uint32_t type = 0;
    uint32_t length = 0;
  };

  explicit PcapngReader(ByteStream stream) : stream_(std::move(stream)) {}

  Result<std::optional<Packet>> NextUnlessDamaged();
  // The type and length of the block in front; nullopt at the end. Learns the byte order when a section begins.
  Result<std::optional<Block>> PeekBlock();
  // What stands between the lengths of the block in front, valid until the next call of Next(), which consumes it.
  Result<std::span<const uint8_t>> BlockBody(const Block& block);
  Status SkipBlock(const Block& block);

  // nullopt when the block isn't a packet.
  Result<std::optional<Packet>> ReadBlock(uint32_t type, FieldReader body);
  Status ReadSectionHeader(FieldReader body);
  Status ReadInterface(FieldReader body);
  Result<std::optional<Packet>> ReadEnhancedPacket(FieldReader body);
  Result<std::optional<Packet>> ReadObsoletePacket(FieldReader body);
  Result<std::optional<Packet>> ReadSimplePacket(FieldReader body);
  Result<std::optional<Packet>> MakePacket(size_t interface_id, Timestamp time, uint32_t captured_length,
                                           uint32_t original_length, FieldReader data) const;
  // The index in interfaces_ of an interface of this section.
  Result<size_t> InterfaceId(uint32_t number_in_section) const;
  Error Damaged(std::string_view what) const;

  ByteStream stream_;
  bool big_endian_ = false;
  std::vector<Interface> interfaces_;
  std::vector<TimestampResolution> resolutions_;  // of interfaces_
  size_t section_interfaces_ = 0;                 // where those of this section begin in interfaces_
  size_t consumable_ = 0;                         // bytes of the block that was read last
  std::optional<Error> final_error_;
};

}  // namespace dashcap
