#pragma once

#include <memory>
#include <string>
#include <vector>

#include "daemon/capture_source.h"
#include "daemon/fanout.h"
#include "daemon/packet_ring.h"

namespace dashcap {

struct AfPacketOptions {
  std::string interface;
  std::string filter;  // pcap-filter(7); empty: everything
  bool promiscuous = true;
  uint32_t snap_length = 262144;
  RingOptions ring;
  size_t lanes = 1;
  FanoutOptions fanout;  // when there are several
};

// An interface by way of TPACKET_V3 rings that are shared with the kernel and read in place: a source for each lane, to
// which the kernel deals the packets. The VLAN tag that the kernel takes off goes back into the packet. An interface that
// goes down, or away and comes back under the same name, is waited for.
Result<std::vector<std::unique_ptr<CaptureSource>>> OpenAfPacket(const AfPacketOptions& options);

}  // namespace dashcap
