#pragma once

#include <string>

#include "daemon/packet_socket.h"

namespace dashcap {

// Has the network card stamp every packet that it receives (kernel document timestamping.rst), and the socket hand these times
// out in place of the kernel's. They are in the card's clock, which somebody has to set (ptp4l(8), phc2sys(8)). The card goes
// on stamping afterwards. An error when it cannot.
Status UseHardwareTimestamps(PacketSocket& socket, const std::string& interface);

}  // namespace dashcap
