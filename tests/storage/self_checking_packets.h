#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/byte_order.h"
#include "base/crc32c.h"

// Packets that say themselves whether they are whole: a checksum of the rest stands in front. What comes out of a
// damaged file can so be told from what went in without knowing what went in.
namespace dashcap {

// Requires: size >= 4.
inline std::vector<uint8_t> SelfCheckingPacket(uint32_t number, size_t size) {
  std::vector<uint8_t> bytes(size);
  for (size_t i = 4; i < size; i++) bytes[i] = static_cast<uint8_t>(number * 31 + i * 7 + (i >> 8));
  StoreLittle32(bytes.data(), Crc32c(std::span(bytes).subspan(4)));
  return bytes;
}

inline bool IsWhole(std::span<const uint8_t> packet) {
  return packet.size() >= 4 && LoadLittle32(packet.data()) == Crc32c(packet.subspan(4));
}

}  // namespace dashcap
