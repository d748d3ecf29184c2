#include "base/crc32c.h"

#include <isa-l/crc.h>

#include <algorithm>
#include <limits>

namespace dashcap {

uint32_t Crc32c(std::span<const uint8_t> bytes) {
  uint32_t crc = 0xffffffff;
  while (!bytes.empty()) {
    // ISA-L counts in int and takes a pointer to non-const that it only reads.
    size_t step = std::min<size_t>(bytes.size(), std::numeric_limits<int>::max());
    crc = crc32_iscsi(const_cast<unsigned char*>(bytes.data()), static_cast<int>(step), crc);
    bytes = bytes.subspan(step);
  }
  return ~crc;
}

}  // namespace dashcap
