#pragma once

#include <array>
#include <bit>
#include <compare>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "base/byte_order.h"
#include "base/result.h"

namespace dashcap {

enum class AddressKind : uint8_t { kNone, kMac, kIpv4, kIpv6 };

// A MAC, IPv4 or IPv6 address: `size()` bytes in network order at the front of `bytes`, the rest zero. An IPv4-mapped
// IPv6 address is an IPv6 address.
struct Address {
  std::array<uint8_t, 16> bytes{};
  AddressKind kind = AddressKind::kNone;

  static Address Mac(std::span<const uint8_t, 6> bytes) {
    return Make(AddressKind::kMac, LoadLittle32(bytes.data()) | uint64_t{LoadLittle16(&bytes[4])} << 32, 0);
  }
  static Address Ipv4(std::span<const uint8_t, 4> bytes) {
    return Make(AddressKind::kIpv4, LoadLittle32(bytes.data()), 0);
  }
  static Address Ipv6(std::span<const uint8_t, 16> bytes) {
    return Make(AddressKind::kIpv6, LoadLittle64(bytes.data()), LoadLittle64(&bytes[8]));
  }

  size_t size() const {
    constexpr std::array<uint8_t, 4> kSizes = {0, 6, 4, 16};
    return kSizes[static_cast<uint8_t>(kind)];
  }
  std::span<const uint8_t> significant() const { return std::span(bytes).first(size()); }
  auto operator<=>(const Address&) const = default;

 private:
  // All sixteen bytes are put together in a register: a load of bytes that were stored in pieces shortly before waits
  // for the stores, and decoding does that four times a packet.
  static Address Make(AddressKind kind, uint64_t first, uint64_t second) {
    static_assert(std::endian::native == std::endian::little);
    using Words [[gnu::vector_size(16)]] = uint64_t;
    const Words words = {first, second};
    Address address;
    std::memcpy(address.bytes.data(), &words, sizeof words);
    address.kind = kind;
    return address;
  }
};

// "192.0.2.1", "2001:db8::1" (RFC 5952), "02:00:00:00:00:01"; "" for kNone.
std::string FormatAddress(const Address& address);
// An IP address in any spelling inet_pton reads, upper-case hex too.
Result<Address> ParseIpAddress(std::string_view text);

// An IP prefix. Host bits of `base` are zero.
struct Network {
  Address base;
  uint8_t prefix_length = 0;

  bool Contains(const Address& address) const;
  Address first() const { return base; }
  Address last() const;
  bool operator==(const Network&) const = default;
};

std::string FormatNetwork(const Network& network);  // "10.0.0.0/8"

}  // namespace dashcap
