#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/byte_order.h"

namespace dashcap {

// A cursor over untrusted bytes; the only way we read them. Reading past the end never touches memory: it yields zero
// (or an empty span), moves to the end and makes failed() true for good, so a parser may read a whole header and ask
// once. Not thread-safe; copying it is cheap and saves a place.
class ByteReader {
 public:
  explicit ByteReader(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  size_t position() const { return position_; }
  size_t remaining() const { return bytes_.size() - position_; }
  bool empty() const { return remaining() == 0; }
  bool failed() const { return failed_; }

  uint8_t U8() { return Take(1) ? bytes_[position_ - 1] : 0; }
  uint16_t Big16() { return Take(2) ? LoadBig16(&bytes_[position_ - 2]) : 0; }
  uint32_t Big32() { return Take(4) ? LoadBig32(&bytes_[position_ - 4]) : 0; }
  uint64_t Big64() { return Take(8) ? LoadBig64(&bytes_[position_ - 8]) : 0; }
  uint16_t Little16() { return Take(2) ? LoadLittle16(&bytes_[position_ - 2]) : 0; }
  uint32_t Little32() { return Take(4) ? LoadLittle32(&bytes_[position_ - 4]) : 0; }
  uint64_t Little64() { return Take(8) ? LoadLittle64(&bytes_[position_ - 8]) : 0; }

  std::span<const uint8_t> Bytes(size_t count) {
    return Take(count) ? bytes_.subspan(position_ - count, count) : std::span<const uint8_t>{};
  }
  void Skip(size_t count) { Take(count); }
  std::span<const uint8_t> rest() const { return bytes_.subspan(position_); }

 private:
  bool Take(size_t count) {
    if (count > remaining()) {
      failed_ = true;
      position_ = bytes_.size();
      return false;
    }
    position_ += count;
    return true;
  }

  std::span<const uint8_t> bytes_;
  size_t position_ = 0;
  bool failed_ = false;
};

}  // namespace dashcap
