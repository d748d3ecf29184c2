#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/file_descriptor.h"
#include "base/result.h"

namespace dashcap {

// A file or pipe read front to back through one buffer, which grows to the largest piece asked for. Memory follows the
// bytes that arrived, never a length that a file merely claims.
class ByteStream {
 public:
  ByteStream(FileDescriptor file, std::string name) : file_(std::move(file)), name_(std::move(name)) {}

  // The next `size` bytes, still unconsumed, or as many as there are before the end. Valid until the next call.
  Result<std::span<const uint8_t>> Peek(size_t size) {
    if (end_ - begin_ < size) {
      if (Status filled = Fill(size); !filled) return Fail(filled.error());
    }
    return std::span(buffer_).subspan(begin_, std::min(size, end_ - begin_));
  }

  // Requires: the bytes were peeked.
  void Consume(size_t size) {
    begin_ += size;
    position_ += size;
  }

  // Consumes bytes that nobody wants, however many; false when the end comes first.
  Result<bool> Skip(uint64_t size);

  uint64_t position() const { return position_; }
  const std::string& name() const { return name_; }

 private:
  Status Fill(size_t size);

  FileDescriptor file_;
  std::string name_;
  std::vector<uint8_t> buffer_;
  size_t begin_ = 0;  // of the unconsumed bytes in buffer_
  size_t end_ = 0;
  uint64_t position_ = 0;
  bool at_end_ = false;
};

}  // namespace dashcap
