#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dashcap {

// Unsigned integers as in LEB128: seven bits a byte, least significant first, the top bit set on all but the last byte.
inline void AppendVarint(uint64_t value, std::string& out) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

// Takes one from the front; nullopt when it is cut off or doesn't fit 64 bits.
inline std::optional<uint64_t> TakeVarint(std::string_view& in) {
  uint64_t value = 0;
  for (size_t i = 0; i < in.size() && i < 10; ++i) {
    const uint64_t byte = static_cast<uint8_t>(in[i]);
    if (i == 9 && byte > 1) return std::nullopt;
    value |= (byte & 0x7f) << 7 * i;
    if (byte < 0x80) {
      in.remove_prefix(i + 1);
      return value;
    }
  }
  return std::nullopt;
}

// Signed numbers near zero become small unsigned ones: 0, -1, 1, -2, … are 0, 1, 2, 3, …
inline uint64_t ZigZag(int64_t value) { return static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63); }
inline int64_t UnZigZag(uint64_t value) { return static_cast<int64_t>(value >> 1 ^ (0 - (value & 1))); }

}  // namespace dashcap
