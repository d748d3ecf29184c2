#include "packet/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>

namespace dashcap {
namespace {

// `bytes` with every bit behind the first `length` set to `bit`.
std::array<uint8_t, 16> WithHostBits(const Address& address, unsigned length, bool bit) {
  std::array<uint8_t, 16> bytes = address.bytes;
  for (size_t i = length / 8; i < address.size(); ++i) {
    const auto host_mask = static_cast<uint8_t>(i == length / 8 ? 0xff >> length % 8 : 0xff);
    bytes[i] = static_cast<uint8_t>(bit ? bytes[i] | host_mask : bytes[i] & ~host_mask);
  }
  return bytes;
}

}  // namespace

std::string FormatAddress(const Address& address) {
  char text[INET6_ADDRSTRLEN];
  const auto& b = address.bytes;
  switch (address.kind) {
    case AddressKind::kNone:
      return "";
    case AddressKind::kMac:
      return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", b[0], b[1], b[2], b[3], b[4], b[5]);
    case AddressKind::kIpv4:
      return inet_ntop(AF_INET, b.data(), text, sizeof text);
    case AddressKind::kIpv6:
      return inet_ntop(AF_INET6, b.data(), text, sizeof text);
  }
  return "";
}

Result<Address> ParseIpAddress(std::string_view text) {
  const std::string terminated(text);
  Address address;
  // inet_pton stops at a NUL, which would accept "10.0.0.1\0garbage".
  if (text.find('\0') == std::string_view::npos) {
    if (inet_pton(AF_INET, terminated.c_str(), address.bytes.data()) == 1) {
      address.kind = AddressKind::kIpv4;
      return address;
    }
    address = {};
    if (inet_pton(AF_INET6, terminated.c_str(), address.bytes.data()) == 1) {
      address.kind = AddressKind::kIpv6;
      return address;
    }
  }
  return Fail(ErrorKind::kInvalidInput, fmt::format("address \"{}\": expected an IPv4 or IPv6 address", text));
}

bool Network::Contains(const Address& address) const {
  return address.kind == base.kind && WithHostBits(address, prefix_length, false) == base.bytes;
}

Address Network::last() const {
  Address address = base;
  address.bytes = WithHostBits(base, prefix_length, true);
  return address;
}

std::string FormatNetwork(const Network& network) {
  return fmt::format("{}/{}", FormatAddress(network.base), network.prefix_length);
}

}  // namespace dashcap
