#pragma once

#include <cstdint>
#include <string>

namespace dashcap {

// What the first byte of a packet belongs to: LINKTYPE_ values of pcap files (tcpdump.org/linktypes.html), not the DLT_
// values of a platform. Any value is stored and given back; the named ones are decoded.
enum class LinkType : uint16_t {
  kNull = 0,
  kEthernet = 1,
  kRawDlt12 = 12,  // what BSDs and old libpcaps wrote for kRaw
  kRawDlt14 = 14,  // what OpenBSD writes for kRaw
  kRaw = 101,
  kLoop = 108,
  kLinuxSll = 113,
  kIpv4 = 228,
  kIpv6 = 229,
  kLinuxSll2 = 276,
};

// "EN10MB", "LINUX_SLL2", … as tcpdump -L prints them, or "LINKTYPE 147".
std::string LinkTypeName(LinkType type);

}  // namespace dashcap
