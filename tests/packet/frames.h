#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace dashcap {

using Bytes = std::vector<uint8_t>;

// "08 00 45": the bytes, spaces as you like.
inline Bytes Hex(std::string_view text) {
  Bytes bytes;
  int high = -1;
  for (const char c : text) {
    if (c == ' ') continue;
    const int digit = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
    if (high >= 0) bytes.push_back(static_cast<uint8_t>(high << 4 | digit));
    high = high >= 0 ? -1 : digit;
  }
  return bytes;
}

inline Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// Headers for hand-made frames, laid out as their RFCs draw them; what a test looks at is an argument or follows.

// From 02:00:00:00:00:01 to 02:00:00:00:00:02; the type follows.
inline Bytes Macs() { return Hex("02 00 00 00 00 02  02 00 00 00 00 01"); }

// From 10.0.0.1 to 10.0.0.2, no options; `fragment` is flags and offset.
inline Bytes Ipv4Header(std::string_view protocol, std::string_view fragment = "00 00") {
  return Hex("45 00 00 00  12 34") + Hex(fragment) + Hex("40") + Hex(protocol) + Hex("00 00  0a 00 00 01  0a 00 00 02");
}

// From 2001:db8::1 to 2001:db8::2.
inline Bytes Ipv6Header(std::string_view next_header) {
  return Hex("60 00 00 00  00 00") + Hex(next_header) + Hex("40") +
         Hex("20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01") +
         Hex("20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 02");
}

// Port 1000 to port 53 (03e8, 0035), length 8.
inline Bytes UdpHeader() { return Hex("03 e8 00 35 00 08 00 00"); }
// Port 1000 to port 80, SYN, no options.
inline Bytes TcpHeader() { return Hex("03 e8 00 50  00 00 00 01  00 00 00 00  50 02 ff ff  00 00 00 00"); }

}  // namespace dashcap
