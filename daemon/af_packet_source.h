#pragma once

#include <memory>
#include <vector>

#include "daemon/af_packet_options.h"
#include "daemon/capture_source.h"

namespace dashcap {

// An interface by way of TPACKET_V3 rings that are shared with the kernel and read in place: a source for each lane, to
// which the kernel deals the packets. The VLAN tag that the kernel takes off goes back into the packet. An interface that
// goes down, or away and comes back under the same name, is waited for; a new name changes nothing.
Result<std::vector<std::unique_ptr<CaptureSource>>> OpenAfPacket(const AfPacketOptions& options);

}  // namespace dashcap
