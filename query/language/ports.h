#pragma once

#include <optional>
#include <string_view>

#include "query/language/expression.h"

namespace dashcap {

// A port or range of ports in numbers, and the transport that a service's name implies.
struct Ports {
  uint16_t first = 0;
  uint16_t last = 0;
  PortTerm::Transport transport = PortTerm::Transport::kAny;
};

std::optional<Ports> ParsePort(std::string_view text);       // "443", "https"
std::optional<Ports> ParsePortRange(std::string_view text);  // "6000-6063", "ftp-data-telnet", or a single one

}  // namespace dashcap
