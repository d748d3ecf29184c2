#include "query/language/ports.h"

#include "query/language/names.h"
#include "query/language/operands.h"

namespace dashcap {

std::optional<Ports> ParsePort(std::string_view text) {
  using Transport = PortTerm::Transport;
  if (const auto number = ParseNumber(text, 65535)) {
    const auto port = static_cast<uint16_t>(*number);
    return Ports{port, port, Transport::kAny};
  }
  const auto service = FindService(text.substr(text.starts_with('\\') ? 1 : 0));
  if (!service) return std::nullopt;
  if (service->udp == 0) return Ports{service->tcp, service->tcp, Transport::kTcp};
  if (service->tcp == 0) return Ports{service->udp, service->udp, Transport::kUdp};
  return Ports{service->tcp, service->tcp, Transport::kAny};
}

std::optional<Ports> ParsePortRange(std::string_view text) {
  if (const auto single = ParsePort(text)) return single;
  for (size_t dash = text.find('-'); dash != std::string_view::npos; dash = text.find('-', dash + 1)) {
    const auto first = ParsePort(text.substr(0, dash));
    const auto last = ParsePort(text.substr(dash + 1));
    if (!first || !last || first->first > last->first) continue;
    return Ports{first->first, last->first,
                 first->transport == last->transport ? first->transport : PortTerm::Transport::kAny};
  }
  return std::nullopt;
}

}  // namespace dashcap
