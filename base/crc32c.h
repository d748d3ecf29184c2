#pragma once

#include <cstdint>
#include <span>

namespace dashcap {

// CRC-32C (Castagnoli, RFC 3720 appendix B.4): "123456789" gives 0xe3069283. Hardware speed by ISA-L.
uint32_t Crc32c(std::span<const uint8_t> bytes);

}  // namespace dashcap
