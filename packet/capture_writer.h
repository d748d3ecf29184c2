#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "packet/packet.h"

namespace dashcap {

// Records of pcap files (tcpdump.org/manpages/pcap-savefile.5) and of pcapng files, appended to a buffer; the caller
// sends the buffer on when it likes. Little-endian. Numbers that the format cannot hold are clamped.
enum class PcapResolution { kMicroseconds, kNanoseconds };

void AppendPcapHeader(LinkType link_type, uint32_t snap_length, PcapResolution resolution, std::vector<uint8_t>& out);
void AppendPcapPacket(const Packet& packet, PcapResolution resolution, std::vector<uint8_t>& out);

// `comment` and `application` may be empty.
void AppendPcapngSection(std::string_view application, std::string_view comment, std::vector<uint8_t>& out);
// Always with if_tsresol 9.
void AppendPcapngInterface(const Interface& interface, std::vector<uint8_t>& out);
void AppendPcapngPacket(const Packet& packet, std::vector<uint8_t>& out);

// Cumulative since capture started, as far as the source knows.
struct InterfaceCounts {
  uint64_t received = 0;        // seen by the interface's socket, dropped ones included
  uint64_t dropped_kernel = 0;  // no room in the ring
  uint64_t dropped_nic = 0;
  uint64_t stored = 0;
  uint64_t filtered = 0;
  bool operator==(const InterfaceCounts&) const = default;
};
void AppendPcapngStatistics(uint32_t interface_id, Timestamp time, const InterfaceCounts& counts,
                            std::string_view comment, std::vector<uint8_t>& out);

}  // namespace dashcap
