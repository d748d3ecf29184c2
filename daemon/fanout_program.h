#pragma once

#include <linux/filter.h>

#include <vector>

namespace dashcap {

// A classic BPF program for PACKET_FANOUT_CBPF that gives a number for each packet: equal for packets with equal or
// exchanged IP addresses, under up to three VLAN tags, six MPLS labels, or PPPoE; of what is not IP, for equal or exchanged
// MAC addresses; 0 where there is neither. `ethernet`: the interface's packets have MAC headers.
std::vector<sock_filter> HostsProgram(bool ethernet);

}  // namespace dashcap
