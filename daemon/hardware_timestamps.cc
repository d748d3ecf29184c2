#include "daemon/hardware_timestamps.h"

#include <net/if.h>

// After net/if.h, which declares the same as linux/if.h and yields to it only in this order.
#include <linux/if_packet.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

namespace dashcap {

Status UseHardwareTimestamps(PacketSocket& socket, const std::string& interface) {
  hwtstamp_config wanted{};
  wanted.tx_type = HWTSTAMP_TX_OFF;
  wanted.rx_filter = HWTSTAMP_FILTER_ALL;
  ifreq request{};
  interface.copy(request.ifr_name, sizeof request.ifr_name - 1);
  request.ifr_data = reinterpret_cast<char*>(&wanted);
  const std::string what = socket.name() + ": hardware timestamps";
  if (::ioctl(socket.fd(), SIOCSHWTSTAMP, &request) != 0) {
    Error error = SystemError(what);
    if (error.kind == ErrorKind::kPermissionDenied) error.message += "; run as root or with CAP_NET_ADMIN";
    if (error.kind == ErrorKind::kIo) error.message += "; the network card or its driver has none for every packet";
    return Fail(error);
  }
  if (wanted.rx_filter != HWTSTAMP_FILTER_ALL)
    return Fail(ErrorKind::kInvalidInput, what + ": the network card has none for every packet");
  return socket.Set(PACKET_TIMESTAMP, int{SOF_TIMESTAMPING_RAW_HARDWARE}, "hardware timestamps");
}

}  // namespace dashcap
