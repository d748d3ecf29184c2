#pragma once

#include <cstdint>
#include <span>

#include "base/byte_reader.h"

namespace dashcap {

// No capture that anybody makes has packets near this size; a larger length is damage, and not worth the memory.
inline constexpr uint32_t kMaxCapturedLength = uint32_t{16} << 20;

// ByteReader for numbers in the byte order of the host that wrote the file.
class FieldReader {
 public:
  FieldReader(std::span<const uint8_t> bytes, bool big_endian) : reader_(bytes), big_endian_(big_endian) {}

  uint16_t U16() { return big_endian_ ? reader_.Big16() : reader_.Little16(); }
  uint32_t U32() { return big_endian_ ? reader_.Big32() : reader_.Little32(); }
  uint64_t U64() { return big_endian_ ? reader_.Big64() : reader_.Little64(); }
  std::span<const uint8_t> Bytes(size_t count) { return reader_.Bytes(count); }
  void Skip(size_t count) { reader_.Skip(count); }
  size_t remaining() const { return reader_.remaining(); }
  bool failed() const { return reader_.failed(); }

 private:
  ByteReader reader_;
  bool big_endian_;
};

}  // namespace dashcap
