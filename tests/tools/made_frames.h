#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <random>
#include <vector>

#include "base/byte_order.h"

namespace dashcap {

// A UDP or TCP frame between two hosts of 65,536 each, to a well-known port. Checksums are left zero: a recorder does
// not look at them. Requires: bytes >= 54.
inline std::vector<uint8_t> MakeFrame(std::mt19937& random, size_t bytes, bool tcp) {
  static constexpr std::array<uint16_t, 8> kPorts = {80, 443, 53, 22, 25, 8080, 123, 3389};
  constexpr size_t kIp = 14;
  constexpr size_t kTransport = kIp + 20;
  std::vector<uint8_t> frame(bytes);
  for (size_t at = 0; at + 4 <= bytes; at += 4) StoreLittle32(&frame[at], static_cast<uint32_t>(random()));
  const std::array<uint8_t, 14> ethernet = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0};
  std::copy(ethernet.begin(), ethernet.end(), frame.begin());
  std::fill_n(frame.begin() + kIp, 20, uint8_t{0});
  frame[kIp] = 0x45;
  StoreBig16(&frame[kIp + 2], static_cast<uint16_t>(bytes - kIp));
  frame[kIp + 8] = 64;
  frame[kIp + 9] = tcp ? 6 : 17;
  StoreBig32(&frame[kIp + 12], 0x0A000000 | (random() & 0xFFFF));
  StoreBig32(&frame[kIp + 16], 0xC0A80000 | (random() & 0xFFFF));
  StoreBig16(&frame[kTransport], static_cast<uint16_t>(1024 + random() % 60000));
  StoreBig16(&frame[kTransport + 2], kPorts[random() % kPorts.size()]);
  if (tcp) {
    frame[kTransport + 12] = 0x50;
    frame[kTransport + 13] = 0x10;
  } else {
    StoreBig16(&frame[kTransport + 4], static_cast<uint16_t>(bytes - kTransport));
  }
  return frame;
}

}  // namespace dashcap
