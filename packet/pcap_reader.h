#pragma once

#include <optional>
#include <span>
#include <vector>

#include "packet/byte_stream.h"
#include "packet/capture_reader.h"

namespace dashcap {

// pcap files (tcpdump.org/manpages/pcap-savefile.5): both byte orders, micro- and nanoseconds, the records of Alexey
// Kuznetsov's patched libpcap (magic a1b2cd34), and the versions before 2.4 that had the two lengths the other way
// round.
class PcapReader final : public CaptureReader {
 public:
  static constexpr size_t kHeaderSize = 24;
  // Whether a file that begins with these four bytes is one.
  static bool Recognizes(std::span<const uint8_t, 4> magic);

  static Result<std::unique_ptr<CaptureReader>> Open(ByteStream stream);

  Result<std::optional<Packet>> Next() override;
  const std::vector<Interface>& interfaces() const override { return interfaces_; }
  uint64_t position() const override { return stream_.position(); }

 private:
  struct Format {
    bool big_endian = false;
    int64_t nanoseconds_per_tick = 1000;
    size_t record_header_size = 16;
    uint16_t minor = 4;
    bool lengths_swapped = false;  // always; in version 2.3 only where they make no sense otherwise
  };

  PcapReader(ByteStream stream, Format format, Interface interface)
      : stream_(std::move(stream)), format_(format), interfaces_{std::move(interface)} {}

  static std::optional<Format> FormatOf(std::span<const uint8_t, 4> magic);
  Result<std::optional<Packet>> Damaged(std::string what);

  ByteStream stream_;
  Format format_;
  std::vector<Interface> interfaces_;
  size_t consumable_ = 0;  // bytes of the packet that the last Next() gave out
  std::optional<Error> final_error_;
};

}  // namespace dashcap
