#include "query/language/operands.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace dashcap {
namespace {

std::optional<uint32_t> ParseDigits(std::string_view text, uint32_t max, int base) {
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || number > max) return std::nullopt;
  return number;
}

}  // namespace

std::optional<uint32_t> ParseNumber(std::string_view text, uint32_t max) {
  if (text.starts_with("0x") || text.starts_with("0X")) return ParseDigits(text.substr(2), max, 16);
  return ParseDigits(text, max, text.size() > 1 && text[0] == '0' ? 8 : 10);
}

std::optional<Network> ParsePartialIpv4(std::string_view text) {
  Network network;
  network.base.kind = AddressKind::kIpv4;
  for (size_t i = 0; i < 4; i++) {
    const std::string_view part = text.substr(0, text.find('.'));
    const auto byte = ParseDigits(part, 255, 10);
    if (!byte) return std::nullopt;
    network.base.bytes[i] = static_cast<uint8_t>(*byte);
    network.prefix_length = static_cast<uint8_t>(8 * (i + 1));
    if (part.size() == text.size()) return network;
    text.remove_prefix(part.size() + 1);
  }
  return std::nullopt;
}

std::optional<Network> ParseNetworkAddress(std::string_view text) {
  if (auto network = ParsePartialIpv4(text)) return network;
  const auto address = ParseIpAddress(text);
  if (!address) return std::nullopt;
  return Network{*address, static_cast<uint8_t>(address->size() * 8)};
}

std::optional<Mask> ParseMask(std::string_view text, AddressKind kind) {
  const auto mask = ParseIpAddress(text);
  if (!mask || mask->kind != kind) return std::nullopt;
  uint8_t bits = 0;
  while (bits < mask->size() * 8 && (mask->bytes[bits / 8] >> (7 - bits % 8) & 1) != 0) bits++;
  const bool contiguous = WithoutHostBits({*mask, bits}) == *mask;
  return Mask{*mask, contiguous ? std::optional(bits) : std::nullopt};
}

Address WithoutHostBits(const Network& network) {
  Address base = network.base;
  for (size_t i = network.prefix_length; i < base.size() * 8; i++)
    base.bytes[i / 8] = static_cast<uint8_t>(base.bytes[i / 8] & ~(0x80 >> i % 8));
  return base;
}

std::optional<Address> ParseMac(std::string_view text) {
  constexpr std::string_view kSeparators = ":.-";
  constexpr size_t kBytes = 6;
  size_t separators = 0;
  for (const char c : text) separators += kSeparators.find(c) == std::string_view::npos ? 0 : 1;
  if (separators != 0 && separators != 2 && separators != 5) return std::nullopt;
  const size_t bytes_in_part = kBytes / (separators + 1);
  std::array<uint8_t, kBytes> bytes{};
  for (size_t i = 0; i < kBytes; i += bytes_in_part) {
    const std::string_view part = text.substr(0, text.find_first_of(kSeparators));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    if (bytes_in_part > 1 && part.size() != bytes_in_part * 2) return std::nullopt;
    for (size_t j = 0; j < bytes_in_part; j++) {
      const auto byte = ParseDigits(bytes_in_part == 1 ? part : part.substr(j * 2, 2), 255, 16);
      if (!byte || part.size() > bytes_in_part * 2) return std::nullopt;
      bytes[i + j] = static_cast<uint8_t>(*byte);
    }
  }
  return Address::Mac(bytes);
}

}  // namespace dashcap
