#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file_descriptor.h"
#include "base/result.h"
#include "packet/packet.h"

namespace dashcap {

// Reads pcap and pcapng, told apart by their first bytes, from a file or a pipe, front to back. Takes both byte orders,
// micro- and nanoseconds, if_tsresol and if_tsoffset, several interfaces and sections, simple and obsolete packet
// blocks; skips what it doesn't know. One thread.
class CaptureReader {
 public:
  virtual ~CaptureReader() = default;

  // The next packet, valid until the next call; nullopt at the end. An error names the byte offset and what was
  // expected there; it is final, and the packets before it were sound.
  virtual Result<std::optional<Packet>> Next() = 0;

  // The interfaces known so far. Packet::interface_id points in here; the list only grows.
  virtual const std::vector<Interface>& interfaces() const = 0;

  // Bytes consumed so far.
  virtual uint64_t position() const = 0;
};

// Takes over `file`; `name` is for messages. An empty file is an error that says so.
Result<std::unique_ptr<CaptureReader>> OpenCapture(FileDescriptor file, std::string name);
Result<std::unique_ptr<CaptureReader>> OpenCapture(const std::string& path);  // "-" is standard input

}  // namespace dashcap
