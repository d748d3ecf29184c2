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

// Cumulative since capture started, as far as the source knows. Every packet is in one of them:
// received = delivered + dropped_kernel + filtered + what is in the ring just now.
struct InterfaceCounts {
  uint64_t received = 0;        // seen by the interface's socket, dropped ones included
  uint64_t dropped_kernel = 0;  // no room in the ring
  uint64_t dropped_nic = 0;     // by the interface, before it could be received
  uint64_t delivered = 0;       // handed to the recorder
  uint64_t filtered = 0;        // received, and not wanted
  uint64_t lost = 0;            // delivered, and could not be stored
  bool operator==(const InterfaceCounts&) const = default;
};
// isb_ifrecv: received; isb_ifdrop: dropped_nic; isb_filteraccept: received less filtered; isb_osdrop: dropped_kernel;
// isb_usrdeliv: delivered. What was lost after that is an option of our own.
void AppendPcapngStatistics(uint32_t interface_id, Timestamp time, const InterfaceCounts& counts,
                            std::string_view comment, std::vector<uint8_t>& out);

}  // namespace dashcap
