#include "packet/link_type.h"

#include <pcap/pcap.h>

namespace dashcap {
namespace {

// Values that differ from the file's on Linux; libpcap keeps its own map private (pcap-common.c).
int DltOf(LinkType type) {
  switch (static_cast<uint16_t>(type)) {
    case 100:
      return DLT_ATM_RFC1483;
    case 101:
    case 14:
      return DLT_RAW;
    case 102:
      return DLT_SLIP_BSDOS;
    case 103:
      return DLT_PPP_BSDOS;
    case 106:
      return DLT_ATM_CLIP;
    default:
      return static_cast<uint16_t>(type);
  }
}

}  // namespace

std::string LinkTypeName(LinkType type) {
  const char* name = pcap_datalink_val_to_name(DltOf(type));
  return name ? name : "LINKTYPE " + std::to_string(static_cast<unsigned>(type));
}

}  // namespace dashcap
