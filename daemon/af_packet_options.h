#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "daemon/fanout.h"
#include "daemon/packet_filter.h"
#include "daemon/packet_ring.h"

namespace dashcap {

struct AfPacketOptions {
  std::string interface;  // "any": all of them
  std::string filter;     // pcap-filter(7); empty: everything
  bool lock_filter = false;
  bool promiscuous = true;
  PacketFilter::Direction direction = PacketFilter::Direction::kBoth;
  bool hardware_timestamps = false;
  uint32_t snap_length = 262144;
  RingOptions ring;
  size_t lanes = 1;
  FanoutOptions fanout;        // when there are several
  std::vector<uint32_t> cpus;  // that the lanes will run on, in turn; their rings come from the memory that is near
};

}  // namespace dashcap
