#include "daemon/lane_name.h"

#include <fmt/format.h>

#include "base/crc32c.h"

namespace dashcap {
namespace {

// A directory name can have 255 bytes, and lanes of further link types append theirs.
constexpr size_t kLongest = 200;

// A leading dot would hide the lane.
bool IsSafe(unsigned char c, bool is_first) {
  return c > ' ' && c != 0x7f && c != '/' && c != '%' && !(is_first && c == '.');
}

}  // namespace

std::string LaneName(std::string_view source) {
  std::string name;
  for (const char c : source) {
    const auto byte = static_cast<unsigned char>(c);
    if (IsSafe(byte, name.empty())) {
      name += c;
    } else {
      name += fmt::format("%{:02X}", byte);
    }
  }
  if (name.size() <= kLongest) return name;
  return name.substr(0, kLongest) +
         fmt::format("%{:08X}", Crc32c({reinterpret_cast<const uint8_t*>(source.data()), source.size()}));
}

}  // namespace dashcap
