#pragma once

#include <memory>
#include <string>
#include <vector>

#include "daemon/capture_source.h"

namespace dashcap {

struct AfPacketOptions {
  std::string interface;
  std::string filter;  // pcap-filter(7); empty: everything
  bool promiscuous = true;
  uint32_t snap_length = 262144;
  uint64_t ring_bytes = uint64_t{64} << 20;
};

// An interface by way of a TPACKET_V3 ring (kernel document packet_mmap.rst), shared with the kernel and read in place.
// The VLAN tag that the kernel takes off goes back into the packet. An interface that goes down, or away and comes back
// under the same name, is waited for.
Result<std::unique_ptr<CaptureSource>> OpenAfPacket(AfPacketOptions options);

}  // namespace dashcap
