#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/byte_order.h"
#include "base/byte_reader.h"

namespace dashcap {

// Appends bits to a string, the least significant bit of each byte first. The last byte is filled up with zeros by
// Finish().
class BitWriter {
 public:
  explicit BitWriter(std::string& out) : out_(out) {}

  // Requires: count <= 32 and no bits set above it.
  void Put(uint64_t bits, unsigned count) {
    assert(count <= 32 && bits >> count == 0);
    pending_ |= bits << pending_count_;
    pending_count_ += count;
    if (pending_count_ < 32) return;
    std::array<uint8_t, 4> bytes;
    StoreLittle32(bytes.data(), static_cast<uint32_t>(pending_));
    out_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    pending_ >>= 32;
    pending_count_ -= 32;
  }
  void Finish() {
    for (; pending_count_ > 0; pending_count_ -= std::min(pending_count_, 8u), pending_ >>= 8)
      out_.push_back(static_cast<char>(pending_));
  }

 private:
  std::string& out_;
  uint64_t pending_ = 0;
  unsigned pending_count_ = 0;  // below 32 between calls
};

// Reads them back. As with ByteReader, reading past the end yields zeros and makes failed() true for good.
class BitReader {
 public:
  explicit BitReader(std::string_view bytes)
      : bytes_(std::span(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size())) {}

  bool failed() const { return failed_; }

  // Requires: count <= 32.
  uint32_t Get(unsigned count) {
    Fill();
    return Take(count);
  }

  // The number of ones before the next zero, which is consumed too; at `limit` ones it stops and no zero follows.
  // Requires: limit <= 32.
  unsigned GetUnary(unsigned limit) {
    Fill();
    const auto ones = static_cast<unsigned>(std::countr_one(pending_));
    if (ones >= limit) {
      Take(limit);
      return limit;
    }
    Take(ones + 1);
    return ones;
  }

  // Whether nothing but the zeros that fill up the last byte is left.
  bool AtEnd() const { return bytes_.empty() && pending_count_ < 8 && pending_ == 0; }

 private:
  void Fill() {
    while (pending_count_ <= 56 && !bytes_.empty()) {
      pending_ |= uint64_t{bytes_.U8()} << pending_count_;
      pending_count_ += 8;
    }
  }
  uint32_t Take(unsigned count) {
    if (count > pending_count_) {
      failed_ = true;
      pending_ = 0;
      pending_count_ = 0;
      return 0;
    }
    const uint64_t bits = pending_ & ((uint64_t{1} << count) - 1);
    pending_ >>= count;
    pending_count_ -= count;
    return static_cast<uint32_t>(bits);
  }

  ByteReader bytes_;
  uint64_t pending_ = 0;  // zeros above pending_count_
  unsigned pending_count_ = 0;
  bool failed_ = false;
};

}  // namespace dashcap
