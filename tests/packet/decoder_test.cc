#include "packet/decoder.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>

#include "tests/packet/frames.h"

namespace dashcap {
namespace {

std::string Describe(const Envelope& envelope) {
  std::string text;
  for (const EnvelopeItem& item : ItemsOf(envelope)) {
    switch (item.kind) {
      case Envelope::kVlan:
        text += fmt::format("vlan {} ", item.value);
        break;
      case Envelope::kMpls:
        text += fmt::format("mpls {} ", item.value);
        break;
      case Envelope::kProtocol:
        text += fmt::format("proto {} ", item.value);
        break;
      case Envelope::kIpv4:
      case Envelope::kIpv6:
        text += fmt::format("ip({}) {}>{} ", item.value, FormatAddress(item.source), FormatAddress(item.destination));
        break;
    }
  }
  return text;
}

// "vlan 5 | 0800 10.0.0.1:1000>10.0.0.2:53 proto 17"
std::string Describe(const FlowKey& key) {
  std::string text = Describe(key.envelope);
  if (!text.empty()) text += "| ";
  const auto end = [&](const Address& address, uint16_t port) {
    return FormatAddress(address) + (key.has_ports ? fmt::format(":{}", port) : "");
  };
  return text + fmt::format("{:04x} {}>{} proto {}", key.ether_type, end(key.source, key.source_port),
                            end(key.destination, key.destination_port), key.protocol);
}

struct Case {
  std::string label;
  LinkType link_type;
  Bytes frame;
  std::string key;
  DecodeEnd end;
};

constexpr auto kEthernet = LinkType::kEthernet;
constexpr auto kDone = DecodeEnd::kTransport;

// Extension headers of 8 bytes; the first byte is the next header.
const Bytes kHopByHop = Hex("00 01 04 00 00 00 00");                           // length 0, PadN
const Bytes kOptions16 = Hex("01 01 0c 00 00 00 00 00 00 00 00 00 00 00 00");  // length 1

std::vector<Case> Cases() {
  const std::string udp4 = "0800 10.0.0.1:1000>10.0.0.2:53 proto 17";
  const std::string tcp4 = "0800 10.0.0.1:1000>10.0.0.2:80 proto 6";
  const std::string udp6 = "86dd 2001:db8::1:1000>2001:db8::2:53 proto 17";
  const std::string macs = "02:00:00:00:00:01>02:00:00:00:00:02 proto 0";
  const Bytes ip4udp = Ipv4Header("11") + UdpHeader();
  const Bytes ip6udp = Ipv6Header("11") + UdpHeader();
  const Bytes eth4 = Macs() + Hex("08 00");
  const Bytes eth6 = Macs() + Hex("86 dd");
  const Bytes arp = Hex("00 01 08 00 06 04 00 01  02 00 00 00 00 01  0a 00 00 01  00 00 00 00 00 00  0a 00 00 02");
  // Next header, length 4 words (payload length 4 in units of 4 bytes minus 2 = 24 bytes), SPI, sequence, 12 bytes ICV.
  const Bytes ah_tail = Hex("04 00 00  00 00 00 01  00 00 00 01  00 00 00 00  00 00 00 00  00 00 00 00");
  const std::string in4 = "ip(4) 10.0.0.1>10.0.0.2 ";
  const std::string in6 = "ip(41) 2001:db8::1>2001:db8::2 ";

  return {
      {"UDP over IPv4", kEthernet, eth4 + ip4udp, udp4, kDone},
      {"TCP over IPv4", kEthernet, eth4 + Ipv4Header("06") + TcpHeader(), tcp4, kDone},
      {"SCTP", kEthernet, eth4 + Ipv4Header("84") + Hex("03 e8 00 35 00000000 00000000"),
       "0800 10.0.0.1:1000>10.0.0.2:53 proto 132", kDone},
      {"UDP-Lite", kEthernet, eth4 + Ipv4Header("88") + UdpHeader(), "0800 10.0.0.1:1000>10.0.0.2:53 proto 136", kDone},
      {"ICMP", kEthernet, eth4 + Ipv4Header("01") + Hex("08 00 00 00 00 00 00 00"), "0800 10.0.0.1>10.0.0.2 proto 1",
       kDone},
      {"GRE is named, not entered", kEthernet, eth4 + Ipv4Header("2f") + Hex("00 00 08 00"),
       "0800 10.0.0.1>10.0.0.2 proto 47", DecodeEnd::kUnknown},
      {"IPv4 options", kEthernet,
       eth4 + Hex("47 00 00 00 00 00 00 00 40 11 00 00 0a 00 00 01 0a 00 00 02  01 01 01 01 01 01 01 01") + UdpHeader(),
       udp4, kDone},
      {"only the ports of TCP", kEthernet, eth4 + Ipv4Header("06") + Hex("03 e8 00 50"), tcp4, DecodeEnd::kTruncated},
      {"half the ports", kEthernet, eth4 + Ipv4Header("06") + Hex("03 e8 00"), "0800 10.0.0.1>10.0.0.2 proto 6",
       DecodeEnd::kTruncated},
      {"TCP with a data offset below its header", kEthernet,
       eth4 + Ipv4Header("06") + Hex("03 e8 00 50 00000000 00000000 40 02 0000 00000000"), tcp4, DecodeEnd::kMalformed},
      {"first IPv4 fragment", kEthernet, eth4 + Ipv4Header("11", "20 00") + UdpHeader(), udp4, kDone},
      {"later IPv4 fragment", kEthernet, eth4 + Ipv4Header("11", "00 10") + UdpHeader(),
       "0800 10.0.0.1>10.0.0.2 proto 17", DecodeEnd::kFragment},
      {"don't fragment is not a fragment", kEthernet, eth4 + Ipv4Header("11", "40 00") + UdpHeader(), udp4, kDone},
      {"IPv4 cut before its destination", kEthernet, eth4 + Hex("45 00 00 00 00 00 00 00 40 11 00 00 0a 00 00 01 0a"),
       "0800 10.0.0.1> proto 17", DecodeEnd::kTruncated},
      {"IPv4 header length below 20: read as libpcap reads it", kEthernet,
       eth4 + Hex("44 00 00 00 00 00 00 00 40 11 00 00 0a 00 00 01 0a 00 00 02"),
       "0800 10.0.0.1:2560>10.0.0.2:2 proto 17", DecodeEnd::kMalformed},
      {"EtherType without a packet", kEthernet, eth4, "0800 > proto 0", DecodeEnd::kTruncated},

      {"UDP over IPv6", kEthernet, eth6 + ip6udp, udp6, kDone},
      {"ICMPv6", kEthernet, eth6 + Ipv6Header("3a") + Hex("80 00 00 00 00 00 00 00"),
       "86dd 2001:db8::1>2001:db8::2 proto 58", kDone},
      {"hop-by-hop and destination options", kEthernet,
       eth6 + Ipv6Header("00") + Hex("3c") + kHopByHop + Hex("11") + kOptions16 + UdpHeader(), udp6, kDone},
      {"routing header", kEthernet, eth6 + Ipv6Header("2b") + Hex("11 00 00 00 00 00 00 00") + UdpHeader(), udp6,
       kDone},
      {"extension header longer than the packet", kEthernet, eth6 + Ipv6Header("00") + Hex("11 ff 00 00 00 00 00 00"),
       "86dd 2001:db8::1>2001:db8::2 proto 0", DecodeEnd::kTruncated},
      {"first IPv6 fragment", kEthernet, eth6 + Ipv6Header("2c") + Hex("11 00 00 01 00 00 00 07") + UdpHeader(), udp6,
       kDone},
      {"later IPv6 fragment", kEthernet, eth6 + Ipv6Header("2c") + Hex("11 00 00 08 00 00 00 07") + UdpHeader(),
       "86dd 2001:db8::1>2001:db8::2 proto 17", DecodeEnd::kFragment},
      {"no next header", kEthernet, eth6 + Ipv6Header("3b"), "86dd 2001:db8::1>2001:db8::2 proto 59", kDone},
      {"mobility header ends the chain", kEthernet, eth6 + Ipv6Header("87") + Hex("3b 00 00 00 00 00 00 00"),
       "86dd 2001:db8::1>2001:db8::2 proto 135", kDone},
      {"mobility header with a payload", kEthernet,
       eth6 + Ipv6Header("87") + Hex("11 00 00 00 00 00 00 00") + UdpHeader(), udp6, kDone},
      {"ESP hides the rest", kEthernet, eth6 + Ipv6Header("32") + Hex("00 00 00 01 00 00 00 01"),
       "86dd 2001:db8::1>2001:db8::2 proto 50", DecodeEnd::kUnknown},

      {"AH in IPv4", kEthernet, eth4 + Ipv4Header("33") + Hex("11") + ah_tail + UdpHeader(), "proto 51 | " + udp4,
       kDone},
      {"AH in IPv6", kEthernet, eth6 + Ipv6Header("33") + Hex("11") + ah_tail + UdpHeader(), "proto 51 | " + udp6,
       kDone},
      {"AH cut", kEthernet, eth4 + Ipv4Header("33") + Hex("11 04 00 00"), "0800 10.0.0.1>10.0.0.2 proto 51",
       DecodeEnd::kTruncated},
      {"IPv4 in IPv4", kEthernet, eth4 + Ipv4Header("04") + Ipv4Header("06") + TcpHeader(), in4 + "| " + tcp4, kDone},
      {"IPv6 in IPv4", kEthernet, eth4 + Ipv4Header("29") + ip6udp, "ip(41) 10.0.0.1>10.0.0.2 | " + udp6, kDone},
      {"IPv4 in IPv6", kEthernet, eth6 + Ipv6Header("04") + ip4udp, "ip(4) 2001:db8::1>2001:db8::2 | " + udp4, kDone},
      {"IPv6 in IPv6 in IPv6", kEthernet, eth6 + Ipv6Header("29") + Ipv6Header("29") + ip6udp, in6 + in6 + "| " + udp6,
       kDone},
      {"more IPv6 in IPv6 than an envelope holds", kEthernet,
       eth6 + Ipv6Header("29") + Ipv6Header("29") + Ipv6Header("29") + Ipv6Header("29") + ip6udp,
       in6 + in6 + in6 + "| 86dd 2001:db8::1>2001:db8::2 proto 41", DecodeEnd::kTooDeep},
      {"cut inner IP header: the outer one stands", kEthernet, eth4 + Ipv4Header("04") + Hex("45 00 00 00"),
       "0800 10.0.0.1>10.0.0.2 proto 4", DecodeEnd::kTruncated},
      {"inner IP of another version: the outer one stands", kEthernet, eth4 + Ipv4Header("04") + ip6udp,
       "0800 10.0.0.1>10.0.0.2 proto 4", DecodeEnd::kMalformed},

      {"802.1Q", kEthernet, Macs() + Hex("81 00 60 05 08 00") + ip4udp, "vlan 5 | " + udp4, kDone},
      {"802.1ad", kEthernet, Macs() + Hex("88 a8 00 64 81 00 0f ff 86 dd") + ip6udp, "vlan 100 vlan 4095 | " + udp6,
       kDone},
      {"TPIDs of old QinQ", kEthernet, Macs() + Hex("91 00 00 01 92 00 00 02 93 00 00 03 08 00") + ip4udp,
       "vlan 1 vlan 2 vlan 3 | " + udp4, kDone},
      {"VLAN tag cut", kEthernet, Macs() + Hex("81 00 00 05 08"), "8100 " + macs, DecodeEnd::kTruncated},
      {"LLC behind a VLAN tag", kEthernet, Macs() + Hex("81 00 00 05 00 26 42 42 03 00 00"), "vlan 5 | 0000 " + macs,
       DecodeEnd::kUnknown},
      {"MPLS labels, IPv4", kEthernet, Macs() + Hex("88 47 00 01 00 40 00 01 11 40") + ip4udp,
       "mpls 16 mpls 17 | " + udp4, kDone},
      {"MPLS multicast, IPv6", kEthernet, Macs() + Hex("88 48 ff ff f1 40") + ip6udp, "mpls 1048575 | " + udp6, kDone},
      {"Ethernet over MPLS", kEthernet, Macs() + Hex("88 47 00 01 01 40  00 00 00 00") + eth4 + ip4udp,
       "mpls 16 | " + udp4, kDone},
      {"MPLS over something else", kEthernet, Macs() + Hex("88 47 00 01 01 40  10 00 00 00"), "mpls 16 | 8847 " + macs,
       DecodeEnd::kUnknown},
      {"MPLS without a last label", kEthernet, Macs() + Hex("88 47 00 01 00 40"), "mpls 16 | 8847 " + macs,
       DecodeEnd::kTruncated},

      {"ARP", kEthernet, Macs() + Hex("08 06") + arp, "0806 10.0.0.1>10.0.0.2 proto 0", kDone},
      {"RARP", kEthernet, Macs() + Hex("80 35") + arp, "8035 10.0.0.1>10.0.0.2 proto 0", kDone},
      {"ARP cut before its target", kEthernet, Macs() + Hex("08 06") + Bytes(arp.begin(), arp.begin() + 20),
       "0806 10.0.0.1> proto 0", DecodeEnd::kTruncated},
      {"unknown EtherType", kEthernet, Macs() + Hex("88 cc 02 07"), "88cc " + macs, DecodeEnd::kUnknown},
      {"802.2 LLC", kEthernet, Macs() + Hex("00 26 42 42 03 00 00"), "0000 " + macs, DecodeEnd::kUnknown},
      {"SNAP with IPv4", kEthernet, Macs() + Hex("00 24 aa aa 03 00 00 00 08 00") + ip4udp, udp4, kDone},
      {"SNAP of another organisation", kEthernet, Macs() + Hex("00 24 aa aa 03 00 00 0c 20 00 02 b4"), "0000 " + macs,
       DecodeEnd::kUnknown},
      {"Ethernet header cut", kEthernet, Macs() + Hex("08"), "0000 > proto 0", DecodeEnd::kTruncated},

      {"RAW IPv4", LinkType::kRaw, ip4udp, udp4, kDone},
      {"RAW IPv6", LinkType::kRaw, ip6udp, udp6, kDone},
      {"RAW of old files", static_cast<LinkType>(12), ip4udp, udp4, kDone},
      {"RAW and neither", LinkType::kRaw, Hex("00 00 00 00"), "0000 > proto 0", DecodeEnd::kMalformed},
      {"IPV4", LinkType::kIpv4, ip4udp, udp4, kDone},
      {"IPV6", LinkType::kIpv6, ip6udp, udp6, kDone},
      {"NULL little-endian", LinkType::kNull, Hex("02 00 00 00") + ip4udp, udp4, kDone},
      {"NULL big-endian", LinkType::kNull, Hex("00 00 00 02") + ip4udp, udp4, kDone},
      {"NULL with macOS's IPv6", LinkType::kNull, Hex("1e 00 00 00") + ip6udp, udp6, kDone},
      {"LOOP with OpenBSD's IPv6", LinkType::kLoop, Hex("00 00 00 18") + ip6udp, udp6, kDone},
      {"NULL with something else", LinkType::kNull, Hex("07 00 00 00") + ip4udp, "0000 > proto 0", DecodeEnd::kUnknown},
      {"LINUX_SLL", LinkType::kLinuxSll, Hex("00 00 00 01 00 06 02 00 00 00 00 01 00 00 08 00") + ip4udp, udp4, kDone},
      {"LINUX_SLL without IP", LinkType::kLinuxSll, Hex("00 00 00 01 00 06 02 00 00 00 00 01 00 00 88 cc 02 07"),
       "88cc 02:00:00:00:00:01> proto 0", DecodeEnd::kUnknown},
      {"LINUX_SLL2", LinkType::kLinuxSll2, Hex("86 dd 00 00 00 00 00 02 00 01 00 06 02 00 00 00 00 01 00 00") + ip6udp,
       udp6, kDone},
      {"another link type", static_cast<LinkType>(147), ip4udp, "0000 > proto 0", DecodeEnd::kUnknown},
      {"nothing at all", kEthernet, {}, "0000 > proto 0", DecodeEnd::kTruncated},
  };
}

TEST(Decoder, FindsTheInnermostConversationOfEachLayering) {
  for (const Case& c : Cases()) {
    const Decoded decoded = Decode(c.link_type, c.frame);
    EXPECT_EQ(Describe(decoded.key), c.key) << c.label;
    EXPECT_EQ(static_cast<int>(decoded.end), static_cast<int>(c.end)) << c.label;
  }
}

TEST(Decoder, LeavesNothingOfTheLastPacketInAReusedResult) {
  const std::vector<Case> cases = Cases();
  Decoded reused;
  for (const Case& before : cases) {
    for (const Case& c : cases) {
      Decode(before.link_type, before.frame, reused);
      Decode(c.link_type, c.frame, reused);
      const Decoded fresh = Decode(c.link_type, c.frame);
      ASSERT_EQ(reused.key, fresh.key) << before.label << ", then " << c.label;
      ASSERT_EQ(reused.tcp_flags, fresh.tcp_flags) << before.label << ", then " << c.label;
      ASSERT_EQ(reused.fragment.is_fragment, fresh.fragment.is_fragment) << before.label << ", then " << c.label;
      ASSERT_EQ(reused.mac_source, fresh.mac_source) << before.label << ", then " << c.label;
      ASSERT_EQ(reused.payload_offset, fresh.payload_offset) << before.label << ", then " << c.label;
    }
  }
}

// An allocation of exactly the cut frame, so that the address sanitizer sees a read past it. What a cut leaves readable
// must not contradict the whole frame.
TEST(Decoder, ReadsEveryFrameCutAtEveryLength) {
  for (const Case& c : Cases()) {
    for (size_t length = 0; length <= c.frame.size(); ++length) {
      const auto cut = std::make_unique<uint8_t[]>(length);
      std::copy_n(c.frame.begin(), length, cut.get());
      const Decoded decoded = Decode(c.link_type, std::span(cut.get(), length));
      EXPECT_LE(decoded.payload_offset, length) << c.label << " cut to " << length;
      if (decoded.key.has_ports && Decode(c.link_type, c.frame).key.envelope == decoded.key.envelope) {
        EXPECT_EQ(Describe(decoded.key), c.key) << c.label << " cut to " << length;
      }
    }
  }
}

TEST(Decoder, GivesMacsTcpFlagsFragmentAndPayload) {
  const Bytes tcp = Macs() + Hex("08 00") + Ipv4Header("06", "20 00") + TcpHeader() + Hex("aa bb");
  const Decoded first = Decode(kEthernet, tcp);
  EXPECT_EQ(FormatAddress(first.mac_source), "02:00:00:00:00:01");
  EXPECT_EQ(FormatAddress(first.mac_destination), "02:00:00:00:00:02");
  EXPECT_EQ(first.tcp_flags, 0x02);
  EXPECT_EQ(first.payload_offset, 14 + 20 + 20);
  EXPECT_TRUE(first.fragment.is_fragment && first.fragment.is_first);
  EXPECT_EQ(first.fragment.id, 0x1234u);

  const Bytes later6 = Macs() + Hex("86 dd") + Ipv6Header("2c") + Hex("11 00 05 a8 ca fe ba be");
  const Decoded later = Decode(kEthernet, later6);
  EXPECT_TRUE(later.fragment.is_fragment && !later.fragment.is_first);
  EXPECT_EQ(later.fragment.id, 0xcafebabeu);

  const Bytes atomic6 = Macs() + Hex("86 dd") + Ipv6Header("2c") + Hex("11 00 00 00 ca fe ba be") + UdpHeader();
  EXPECT_FALSE(Decode(kEthernet, atomic6).fragment.is_fragment) << "RFC 6946";
}

TEST(Decoder, StopsAtTheEndOfTheEnvelopeHoweverManyTagsThereAre) {
  Bytes tags = Macs();
  for (int i = 0; i < 200'000; ++i) tags = std::move(tags) + Hex("81 00 00 07");
  const Decoded decoded = Decode(kEthernet, tags);
  EXPECT_EQ(static_cast<int>(decoded.end), static_cast<int>(DecodeEnd::kTooDeep));
  EXPECT_EQ(ItemsOf(decoded.key.envelope).size(), Envelope::kCapacity / 3);
}

}  // namespace
}  // namespace dashcap
