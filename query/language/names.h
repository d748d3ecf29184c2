#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

// Names of ports and protocols in queries. They are built in rather than looked up on the machine, so that a query
// means the same on every recorder: the names of Debian 12's /etc/services and /etc/protocols, which are IANA's.
namespace dashcap {

// The ports of a service, 0 where it has none.
struct Service {
  std::string_view name;
  uint16_t tcp = 0;
  uint16_t udp = 0;
};
std::optional<Service> FindService(std::string_view name);
std::string_view NearestService(std::string_view written);

// The IP protocol of that name: IANA's, or pcap-filter(7)'s.
std::optional<uint8_t> FindProtocol(std::string_view name);
std::string_view NearestProtocol(std::string_view written);

}  // namespace dashcap
