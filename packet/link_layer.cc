#include "packet/layer_decoder.h"

namespace dashcap {
namespace {

constexpr uint16_t kMaxLengthField = 1500;  // IEEE 802.3 3.2.6: up to here the field is a length, not a type
constexpr size_t kEthernetHeader = 14;
constexpr uint16_t kSll8022 = 4;  // Linux's ETH_P_802_2 in the protocol field of a cooked header

bool IsVlanTag(uint16_t type) {
  return type == 0x8100 || type == 0x88a8 || type == 0x9100 || type == 0x9200 || type == 0x9300;
}

// Whether bytes behind an MPLS control word look like an Ethernet frame (RFC 4448); nothing in MPLS says so.
bool LooksLikeEthernet(std::span<const uint8_t> frame) {
  ByteReader reader(frame);
  reader.Skip(12);
  const uint16_t type = reader.Big16();
  if (reader.empty()) return false;
  const uint8_t nibble = reader.rest()[0] >> 4;
  switch (type) {
    case kEtherTypeIpv4:
      return nibble == 4;
    case kEtherTypeIpv6:
      return nibble == 6;
    case kEtherTypeArp:
    case kEtherTypeRarp:
    case kEtherTypeMplsUnicast:
    case kEtherTypeMplsMulticast:
      return true;
    default:
      return IsVlanTag(type) || (type <= kMaxLengthField && type >= 3 && type <= reader.remaining());
  }
}

}  // namespace

bool Decodes(LinkType link_type) {
  switch (link_type) {
    case LinkType::kEthernet:
    case LinkType::kLinuxSll:
    case LinkType::kLinuxSll2:
    case LinkType::kNull:
    case LinkType::kLoop:
    case LinkType::kRaw:
    case LinkType::kRawDlt12:
    case LinkType::kRawDlt14:
    case LinkType::kIpv4:
    case LinkType::kIpv6:
      return true;
  }
  return false;
}

bool IsPassedThrough(uint16_t ether_type) {
  return IsVlanTag(ether_type) || ether_type == kEtherTypeMplsUnicast || ether_type == kEtherTypeMplsMulticast;
}

DecodeEnd LayerDecoder::LinkLayer(LinkType type) {
  switch (type) {
    case LinkType::kEthernet:
      return Ethernet();
    case LinkType::kLinuxSll:
      return LinuxSll();
    case LinkType::kLinuxSll2:
      return LinuxSll2();
    case LinkType::kNull:
    case LinkType::kLoop:
      return AddressFamily();
    case LinkType::kRaw:
    case LinkType::kRawDlt12:
    case LinkType::kRawDlt14:
      return RawIp();
    case LinkType::kIpv4:
      return EtherType(kEtherTypeIpv4);
    case LinkType::kIpv6:
      return EtherType(kEtherTypeIpv6);
  }
  return DecodeEnd::kUnknown;
}

DecodeEnd LayerDecoder::Ethernet() {
  const auto header = reader_.Bytes(kEthernetHeader);
  if (header.empty()) return DecodeEnd::kTruncated;
  out_.mac_destination = Address::Mac(header.first<6>());
  out_.mac_source = Address::Mac(header.subspan<6, 6>());
  return EtherType(LoadBig16(&header[12]));
}

// https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html
DecodeEnd LayerDecoder::LinuxSll() {
  const auto header = reader_.Bytes(16);
  if (header.empty()) return DecodeEnd::kTruncated;
  if (LoadBig16(&header[4]) == 6) out_.mac_source = Address::Mac(header.subspan<6, 6>());
  return CookedProtocol(LoadBig16(&header[14]));
}

// https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL2.html
DecodeEnd LayerDecoder::LinuxSll2() {
  const auto header = reader_.Bytes(20);
  if (header.empty()) return DecodeEnd::kTruncated;
  if (header[11] == 6) out_.mac_source = Address::Mac(header.subspan<12, 6>());
  return CookedProtocol(LoadBig16(&header[0]));
}

// An EtherType, or one of Linux's own small numbers for what has none (linux/if_ether.h).
DecodeEnd LayerDecoder::CookedProtocol(uint16_t protocol) {
  if (protocol == kSll8022) return Llc();
  return protocol <= kMaxLengthField ? NotIp(0, DecodeEnd::kUnknown) : EtherType(protocol);
}

// LINKTYPE_NULL and LINKTYPE_LOOP. The family is in the byte order of the host that captured, which the file may have
// left; families are small, so the order shows. IPv6 has a number of its own in each BSD, macOS and Linux.
DecodeEnd LayerDecoder::AddressFamily() {
  const auto header = reader_.Bytes(4);
  if (header.empty()) return DecodeEnd::kTruncated;
  const uint32_t little = LoadLittle32(header.data());
  switch (little > 0xffff ? LoadBig32(header.data()) : little) {
    case 2:
      return EtherType(kEtherTypeIpv4);
    case 10:
    case 24:
    case 28:
    case 30:
      return EtherType(kEtherTypeIpv6);
    default:
      return DecodeEnd::kUnknown;
  }
}

DecodeEnd LayerDecoder::RawIp() {
  if (reader_.empty()) return DecodeEnd::kTruncated;
  switch (NextNibble()) {
    case 4:
      return EtherType(kEtherTypeIpv4);
    case 6:
      return EtherType(kEtherTypeIpv6);
    default:
      return DecodeEnd::kMalformed;
  }
}

DecodeEnd LayerDecoder::NotIp(uint16_t type, DecodeEnd end) {
  out_.key.ether_type = type;
  out_.key.source = out_.mac_source;
  out_.key.destination = out_.mac_destination;
  return end;
}

DecodeEnd LayerDecoder::EtherType(uint16_t type) {
  Note(type);
  switch (type) {
    case kEtherTypeIpv4:
      return Ipv4();
    case kEtherTypeIpv6:
      return Ipv6();
    case kEtherTypeArp:
    case kEtherTypeRarp:
      return Arp(type);
    case kEtherTypeMplsUnicast:
    case kEtherTypeMplsMulticast:
      return Mpls(type);
    default:
      if (IsVlanTag(type)) return Vlan(type);
      return type <= kMaxLengthField ? Llc() : NotIp(type, DecodeEnd::kUnknown);
  }
}

// IEEE 802.2 with SNAP (RFC 1042): DSAP and SSAP aa, control 03, OUI 000000, then an EtherType.
DecodeEnd LayerDecoder::Llc() {
  constexpr std::array<uint8_t, 6> kSnap = {0xaa, 0xaa, 0x03, 0, 0, 0};
  const auto rest = reader_.rest();
  if (rest.size() < 3) return NotIp(0, DecodeEnd::kTruncated);
  if (rest.size() < 8 || std::memcmp(rest.data(), kSnap.data(), kSnap.size()) != 0) {
    return NotIp(0, DecodeEnd::kUnknown);
  }
  const uint16_t type = LoadBig16(&rest[6]);
  // A length here would be LLC inside LLC, which nothing sends and which could repeat to the end of the packet.
  if (type <= kMaxLengthField) return NotIp(0, DecodeEnd::kMalformed);
  reader_.Skip(8);
  return EtherType(type);
}

DecodeEnd LayerDecoder::Vlan(uint16_t type) {
  if (reader_.remaining() < 4) return NotIp(type, DecodeEnd::kTruncated);
  const uint16_t tag = LoadBig16(reader_.rest().data());
  if (!out_.key.envelope.PushVlan(tag & 0x0fff)) return NotIp(type, DecodeEnd::kTooDeep);
  reader_.Skip(2);
  return EtherType(reader_.Big16());
}

// RFC 3032. What the last label's payload is can only be guessed from its first nibble (RFC 4928 section 3).
DecodeEnd LayerDecoder::Mpls(uint16_t type) {
  uint32_t entry;
  do {
    if (reader_.remaining() < 4) return NotIp(type, DecodeEnd::kTruncated);
    entry = LoadBig32(reader_.rest().data());
    if (!out_.key.envelope.PushMpls(entry >> 12)) return NotIp(type, DecodeEnd::kTooDeep);
    reader_.Skip(4);
  } while ((entry & 0x100) == 0);

  if (reader_.empty()) return NotIp(type, DecodeEnd::kTruncated);
  if (NextNibble() == 4) return EtherType(kEtherTypeIpv4);
  if (NextNibble() == 6) return EtherType(kEtherTypeIpv6);
  constexpr size_t kControlWord = 4;
  if (NextNibble() == 0 && reader_.remaining() > kControlWord &&
      LooksLikeEthernet(reader_.rest().subspan(kControlWord))) {
    reader_.Skip(kControlWord);
    return Ethernet();
  }
  return NotIp(type, DecodeEnd::kUnknown);
}

// RFC 826 and RFC 903, with the offsets of Ethernet and IPv4 whatever the lengths in the header say, as libpcap's
// filters read it.
DecodeEnd LayerDecoder::Arp(uint16_t type) {
  constexpr size_t kSender = 14;
  constexpr size_t kTarget = 24;
  out_.key.ether_type = type;
  const auto header = reader_.rest();
  if (header.size() >= kSender + 4) out_.key.source = Address::Ipv4(header.subspan<kSender, 4>());
  if (header.size() < kTarget + 4) return DecodeEnd::kTruncated;
  out_.key.destination = Address::Ipv4(header.subspan<kTarget, 4>());
  reader_.Skip(kTarget + 4);
  return DecodeEnd::kTransport;
}

}  // namespace dashcap
