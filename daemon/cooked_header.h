#pragma once

#include <cstddef>
#include <cstdint>

struct sockaddr_ll;
struct tpacket3_hdr;

namespace dashcap {

// What takes the place of the link header where that is of many kinds, or of one that no file format has:
// LINKTYPE_LINUX_SLL2 of tcpdump.org/linktypes.html. It is made from a record of a socket that has link headers, because
// the kernel leaves inner VLAN tags out of account where it takes them off itself.
inline constexpr size_t kCookedHeaderSize = 20;

// Bytes of the record's own link header.
size_t LinkHeaderSize(const tpacket3_hdr& record, const sockaddr_ll& from);

// What the record's packet is, behind the link header: an EtherType, or what linux/if_ether.h has for others.
uint16_t ProtocolOf(const tpacket3_hdr& record, const sockaddr_ll& from);

// Writes the header in front of `payload`, gives its start. Requires: kCookedHeaderSize bytes are free there.
uint8_t* PrependCookedHeader(const sockaddr_ll& from, uint16_t protocol, uint8_t* payload);

}  // namespace dashcap
