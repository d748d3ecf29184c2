#pragma once

#include <memory>
#include <string>

#include "daemon/capture_source.h"

namespace dashcap {

struct PcapOptions {
  std::string device;  // anything that libpcap takes: "eth0", "any", "netmap:eth0", "nflog:5", "usbmon1"
  std::string filter;  // pcap-filter(7); empty: everything
  bool promiscuous = true;
  uint32_t snap_length = 262144;
  uint64_t buffer_bytes = uint64_t{64} << 20;
  bool immediate = false;      // hand out each packet at once, at the price of more work for each
  bool monitor_mode = false;   // 802.11 frames as they are on the air
  std::string timestamp_type;  // pcap-tstamp(7): "host", "adapter_unsynced", …; empty: the device's own
  std::string link_type;       // as tcpdump -L prints them, for devices that offer several; empty: the device's own
  bool nanoseconds = true;     // microseconds where the device has no more
  enum class Direction { kBoth, kIn, kOut } direction = Direction::kBoth;
};

// Any device that the libpcap on this machine reaches, whichever build of it that is: only what pcap/pcap.h declares is
// used. Packets carry the LINKTYPE_ value that this libpcap writes into files. A device that fails after it was opened
// is waited for.
Result<std::unique_ptr<CaptureSource>> OpenPcap(PcapOptions options);

// The LINKTYPE_ value that libpcap writes for a DLT_ value of this platform (pcap-linktype(7)).
Result<LinkType> FileLinkType(int dlt);

// What was counted up to now, from a 32-bit counter that wraps, and that begins again when its device does.
uint64_t Continue(uint64_t total, uint32_t before, uint32_t now);

}  // namespace dashcap
