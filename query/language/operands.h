#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "packet/address.h"

// What words of a query stand for when a number, an address or a network is expected; nullopt: nothing of the kind.
namespace dashcap {

// As in C: decimal, 0x hexadecimal, 0 octal.
std::optional<uint32_t> ParseNumber(std::string_view text, uint32_t max);

// "10.1" is 10.1.0.0 with 16 bits known.
std::optional<Network> ParsePartialIpv4(std::string_view text);
// An IP address, or the beginning of an IPv4 address.
std::optional<Network> ParseNetworkAddress(std::string_view text);

// "255.255.0.0" or "ffff::": an address, and how many bits it begins with, if it is a contiguous mask.
struct Mask {
  Address bits;
  std::optional<uint8_t> prefix_length;
};
std::optional<Mask> ParseMask(std::string_view text, AddressKind kind);

Address WithoutHostBits(const Network& network);

// "02:00:00:00:00:01", "2.0.0.0.0.1", "02-00-00-00-00-01", "0200.0000.0001", "020000000001".
std::optional<Address> ParseMac(std::string_view text);

}  // namespace dashcap
