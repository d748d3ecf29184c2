#include "packet/layer_decoder.h"

namespace dashcap {
namespace {

// IANA protocol numbers.
constexpr uint8_t kHopByHop = 0;
constexpr uint8_t kIcmp = 1;
constexpr uint8_t kIpv4InIp = 4;
constexpr uint8_t kTcp = 6;
constexpr uint8_t kUdp = 17;
constexpr uint8_t kIpv6InIp = 41;
constexpr uint8_t kRouting = 43;
constexpr uint8_t kFragmentHeader = 44;
constexpr uint8_t kAuthentication = 51;
constexpr uint8_t kIcmpv6 = 58;
constexpr uint8_t kNoNextHeader = 59;
constexpr uint8_t kDestinationOptions = 60;
constexpr uint8_t kSctp = 132;
constexpr uint8_t kMobility = 135;
constexpr uint8_t kUdpLite = 136;
constexpr uint8_t kHostIdentity = 139;
constexpr uint8_t kShim6 = 140;

constexpr size_t kIpv4Header = 20;
constexpr size_t kIpv6Header = 40;

bool HasPorts(uint8_t protocol) {
  return protocol == kTcp || protocol == kUdp || protocol == kSctp || protocol == kUdpLite;
}

}  // namespace

// RFC 791. As libpcap's filters do, this reads a header with the wrong version or length at the same offsets as a right
// one, so that whoever asks for its addresses or ports finds it, and doesn't consult the total length, which offloads
// leave at zero.
DecodeEnd LayerDecoder::Ipv4() {
  FlowKey& key = out_.key;
  key.ether_type = kEtherTypeIpv4;
  const auto header = reader_.rest();
  if (header.size() < kIpv4Header) {
    if (header.size() >= 10) key.protocol = header[9];
    if (header.size() >= 16) key.source = Address::Ipv4(header.subspan<12, 4>());
    return DecodeEnd::kTruncated;
  }
  key.protocol = header[9];
  key.source = Address::Ipv4(header.subspan<12, 4>());
  key.destination = Address::Ipv4(header.subspan<16, 4>());

  const size_t header_size = (header[0] & 0x0fu) * 4;
  const bool sound = header[0] >> 4 == 4 && header_size >= kIpv4Header;
  const uint16_t flags_and_offset = LoadBig16(&header[6]);
  if ((flags_and_offset & 0x3fff) != 0) {
    const bool first = (flags_and_offset & 0x1fff) == 0;
    out_.fragment = {true, first, LoadBig16(&header[4])};
    if (!first) return sound ? DecodeEnd::kFragment : DecodeEnd::kMalformed;
  }
  if (header.size() < header_size) return DecodeEnd::kTruncated;
  reader_.Skip(header_size);
  if (sound) return UpperLayer(key.protocol);
  if (HasPorts(key.protocol)) Ports();
  return DecodeEnd::kMalformed;
}

// RFC 8200. Reads a wrong version like Ipv4().
DecodeEnd LayerDecoder::Ipv6() {
  FlowKey& key = out_.key;
  key.ether_type = kEtherTypeIpv6;
  const auto header = reader_.rest();
  if (header.size() < kIpv6Header) {
    if (header.size() >= 7) key.protocol = header[6];
    if (header.size() >= 24) key.source = Address::Ipv6(header.subspan<8, 16>());
    return DecodeEnd::kTruncated;
  }
  key.protocol = header[6];
  key.source = Address::Ipv6(header.subspan<8, 16>());
  key.destination = Address::Ipv6(header.subspan<24, 16>());
  reader_.Skip(kIpv6Header);
  if (header[0] >> 4 == 6) return Ipv6Extensions(key.protocol);
  if (HasPorts(key.protocol)) Ports();
  return DecodeEnd::kMalformed;
}

// RFC 8200 section 4; mobility RFC 6275, HIP RFC 7401, shim6 RFC 5533. Each header takes at least 8 bytes, so the
// packet bounds the loop. The protocol is that of the upper layer, or of the header that could not be passed.
DecodeEnd LayerDecoder::Ipv6Extensions(uint8_t next_header) {
  while (true) {
    out_.key.protocol = next_header;
    switch (next_header) {
      case kMobility:
      case kHostIdentity:
      case kShim6:
        // Normally nothing follows them, and then they are the upper layer themselves.
        if (!reader_.empty() && reader_.rest()[0] == kNoNextHeader) return DecodeEnd::kTransport;
        [[fallthrough]];
      case kHopByHop:
      case kRouting:
      case kDestinationOptions: {
        const auto header = reader_.rest();
        if (header.size() < 2) return DecodeEnd::kTruncated;
        const size_t size = (header[1] + 1u) * 8;
        if (header.size() < size) return DecodeEnd::kTruncated;
        next_header = header[0];
        reader_.Skip(size);
        break;
      }
      case kFragmentHeader: {
        const auto header = reader_.rest();
        if (header.size() < 8) return DecodeEnd::kTruncated;
        next_header = header[0];
        const uint16_t offset_and_more = LoadBig16(&header[2]) & 0xfff9;
        reader_.Skip(8);
        if (offset_and_more == 0) break;  // atomic (RFC 6946): whole
        const bool first = offset_and_more == 1;
        out_.fragment = {true, first, LoadBig32(&header[4])};
        if (first) break;
        out_.key.protocol = next_header;
        return DecodeEnd::kFragment;
      }
      default:
        return UpperLayer(next_header);
    }
  }
}

DecodeEnd LayerDecoder::UpperLayer(uint8_t protocol) {
  if (HasPorts(protocol)) return Ports();
  switch (protocol) {
    case kIcmp:
    case kIcmpv6:
    case kNoNextHeader:
      return DecodeEnd::kTransport;
    case kIpv4InIp:
    case kIpv6InIp:
      return NestedIp(protocol);
    case kAuthentication:
      return Authentication();
    default:
      return DecodeEnd::kUnknown;
  }
}

// RFC 4302; the length counts 4-byte words, minus 2.
DecodeEnd LayerDecoder::Authentication() {
  const auto header = reader_.rest();
  if (header.size() < 2) return DecodeEnd::kTruncated;
  const size_t size = (header[1] + 2u) * 4;
  if (size < 12) return DecodeEnd::kMalformed;
  if (header.size() < size) return DecodeEnd::kTruncated;
  if (!out_.key.envelope.PushProtocol(kAuthentication)) return DecodeEnd::kTooDeep;
  reader_.Skip(size);
  if (out_.key.ether_type == kEtherTypeIpv6) return Ipv6Extensions(header[0]);
  out_.key.protocol = header[0];
  return UpperLayer(header[0]);
}

// RFC 2003, 2473, 4213. Entered only when a whole header of the right version is there, so that what was known of the
// packet isn't given up for less.
DecodeEnd LayerDecoder::NestedIp(uint8_t protocol) {
  const size_t header_size = protocol == kIpv4InIp ? kIpv4Header : kIpv6Header;
  if (reader_.remaining() < header_size) return DecodeEnd::kTruncated;
  if (NextNibble() != (protocol == kIpv4InIp ? 4 : 6)) return DecodeEnd::kMalformed;
  if (!out_.key.envelope.PushIp(protocol, out_.key.source, out_.key.destination)) return DecodeEnd::kTooDeep;
  out_.fragment = {};
  return EtherType(protocol == kIpv4InIp ? kEtherTypeIpv4 : kEtherTypeIpv6);
}

DecodeEnd LayerDecoder::Ports() {
  constexpr size_t kTcpFlags = 13;
  const auto header = reader_.rest();
  FlowKey& key = out_.key;
  if (header.size() < 4) return DecodeEnd::kTruncated;
  key.source_port = LoadBig16(&header[0]);
  key.destination_port = LoadBig16(&header[2]);
  key.has_ports = true;

  size_t header_size = key.protocol == kSctp ? 12 : 8;
  if (key.protocol == kTcp) {
    if (header.size() <= kTcpFlags) return DecodeEnd::kTruncated;
    out_.tcp_flags = header[kTcpFlags];
    header_size = (header[12] >> 4) * 4;
    if (header_size < 20) return DecodeEnd::kMalformed;
  }
  if (header.size() < header_size) return DecodeEnd::kTruncated;
  reader_.Skip(header_size);
  return DecodeEnd::kTransport;
}

}  // namespace dashcap
