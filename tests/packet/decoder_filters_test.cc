#include <fmt/format.h>
#include <gtest/gtest.h>
#include <pcap/pcap.h>

#include <functional>
#include <map>
#include <memory>
#include <set>

#include "base/byte_order.h"
#include "packet/capture_reader.h"
#include "packet/decoder.h"
#include "tests/packet/capture_files.h"

namespace dashcap {
namespace {

// libpcap's compiled program for Ethernet.
class BpfFilter {
 public:
  explicit BpfFilter(const std::string& text) {
    const std::unique_ptr<pcap_t, void (*)(pcap_t*)> pcap(pcap_open_dead(DLT_EN10MB, 1 << 20), pcap_close);
    if (pcap_compile(pcap.get(), &program_, text.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0) {
      ADD_FAILURE() << text << ": " << pcap_geterr(pcap.get());
    }
  }
  ~BpfFilter() { pcap_freecode(&program_); }
  BpfFilter(const BpfFilter&) = delete;
  BpfFilter& operator=(const BpfFilter&) = delete;

  bool Matches(const Packet& packet) const {
    pcap_pkthdr header{};
    header.caplen = static_cast<bpf_u_int32>(packet.bytes.size());
    header.len = packet.original_length;
    return pcap_offline_filter(&program_, &header, packet.bytes.data()) != 0;
  }

 private:
  bpf_program program_{};
};

using Predicate = std::function<bool(const Decoded&)>;

struct Filter {
  std::string text;
  Predicate matches;
};

Address Ip(const std::string& text) { return *ParseIpAddress(text); }

bool Is(const Decoded& d, uint16_t ether_type) { return d.key.ether_type == ether_type; }
bool IpProtocol(const Decoded& d, uint8_t protocol) { return d.key.is_ip() && d.key.protocol == protocol; }

Predicate EitherPort(uint16_t first, uint16_t last) {
  return [=](const Decoded& d) {
    const auto in = [=](uint16_t port) { return first <= port && port <= last; };
    return d.key.has_ports && (in(d.key.source_port) || in(d.key.destination_port));
  };
}

Predicate InNet(const std::string& base, uint8_t length) {
  const Network network{Ip(base), length};
  return [=](const Decoded& d) { return network.Contains(d.key.source) || network.Contains(d.key.destination); };
}

std::vector<Filter> GeneralFilters() {
  return {
      {"ip", [](const Decoded& d) { return Is(d, 0x0800); }},
      {"ip6", [](const Decoded& d) { return Is(d, 0x86dd); }},
      {"arp", [](const Decoded& d) { return Is(d, 0x0806); }},
      {"rarp", [](const Decoded& d) { return Is(d, 0x8035); }},
      {"ether proto 0x88cc", [](const Decoded& d) { return Is(d, 0x88cc); }},
      {"ether proto 0x8863 or ether proto 0x8864", [](const Decoded& d) { return Is(d, 0x8863) || Is(d, 0x8864); }},
      {"tcp", [](const Decoded& d) { return IpProtocol(d, 6); }},
      {"udp", [](const Decoded& d) { return IpProtocol(d, 17); }},
      {"sctp", [](const Decoded& d) { return IpProtocol(d, 132); }},
      {"icmp", [](const Decoded& d) { return Is(d, 0x0800) && d.key.protocol == 1; }},
      {"icmp6", [](const Decoded& d) { return Is(d, 0x86dd) && d.key.protocol == 58; }},
      {"ip proto 47", [](const Decoded& d) { return Is(d, 0x0800) && d.key.protocol == 47; }},
      {"ip6 proto 17", [](const Decoded& d) { return Is(d, 0x86dd) && d.key.protocol == 17; }},
      {"ip proto 2", [](const Decoded& d) { return Is(d, 0x0800) && d.key.protocol == 2; }},
      {"port 53", EitherPort(53, 53)},
      {"port 0", EitherPort(0, 0)},
      {"portrange 1-1023", EitherPort(1, 1023)},
      {"src port 443", [](const Decoded& d) { return d.key.has_ports && d.key.source_port == 443; }},
      {"dst portrange 5000-60000",
       [](const Decoded& d) {
         return d.key.has_ports && 5000 <= d.key.destination_port && d.key.destination_port <= 60000;
       }},
      {"tcp port 80", [](const Decoded& d) { return IpProtocol(d, 6) && EitherPort(80, 80)(d); }},
      {"udp port 53", [](const Decoded& d) { return IpProtocol(d, 17) && EitherPort(53, 53)(d); }},
      {"net 10.0.0.0/8", InNet("10.0.0.0", 8)},
      {"net 192.168.0.0/16", InNet("192.168.0.0", 16)},
      {"net 224.0.0.0/4", InNet("224.0.0.0", 4)},
      {"net 128.0.0.0/1", InNet("128.0.0.0", 1)},
      {"net fe80::/10", InNet("fe80::", 10)},
      {"net ff00::/8", InNet("ff00::", 8)},
      {"net 2000::/3", InNet("2000::", 3)},
      {"dst net 192.168.1.0/24",
       [](const Decoded& d) {
         return Network{Ip("192.168.1.0"), 24}.Contains(d.key.destination);
       }},
      {"host 255.255.255.255", InNet("255.255.255.255", 32)},
      {"src host 0.0.0.0", [](const Decoded& d) { return d.key.source == Ip("0.0.0.0"); }},
      {"ether broadcast", [](const Decoded& d) { return FormatAddress(d.mac_destination) == "ff:ff:ff:ff:ff:ff"; }},
      {"tcp[tcpflags] & (tcp-syn|tcp-fin|tcp-rst) != 0",
       [](const Decoded& d) { return Is(d, 0x0800) && d.key.protocol == 6 && (d.tcp_flags & 0x07) != 0; }},
  };
}

// host, src and dst of addresses that are in the file, so that the filters match something.
std::vector<Filter> HostFilters(const std::set<std::string>& ips, const std::set<std::string>& macs) {
  std::vector<Filter> filters;
  for (const std::string& ip : ips) {
    const Address a = Ip(ip);
    filters.push_back({"host " + ip, [=](const Decoded& d) { return d.key.source == a || d.key.destination == a; }});
    filters.push_back({"src host " + ip, [=](const Decoded& d) { return d.key.source == a; }});
    filters.push_back({"dst host " + ip, [=](const Decoded& d) { return d.key.destination == a; }});
  }
  for (const std::string& mac : macs) {
    filters.push_back({"ether src " + mac, [=](const Decoded& d) { return FormatAddress(d.mac_source) == mac; }});
    filters.push_back({"ether dst " + mac, [=](const Decoded& d) { return FormatAddress(d.mac_destination) == mac; }});
  }
  return filters;
}

// Where ours and tcpdump's reading differ on purpose.
bool OnlyOursLooksInside(const Packet& packet, const Decoded& d) {
  // Tags, labels, tunnels and AH: libpcap's filters look at the outermost headers unless told to.
  if (!d.key.envelope.empty()) return true;
  const auto bytes = packet.bytes;
  if (bytes.size() < 21) return false;
  // IP in an 802.2 SNAP frame: libpcap only compares the field behind the addresses, which is a length there.
  if (LoadBig16(&bytes[12]) <= 1500) return true;
  // IPv6 extension headers: libpcap compares the first next header.
  const std::set<uint8_t> extensions = {0, 43, 44, 51, 60, 135, 139, 140};
  return LoadBig16(&bytes[12]) == 0x86dd && extensions.count(bytes[20]) != 0;
}

template <class Visit>
void ForEachEthernetPacket(const std::string& path, Visit visit) {
  const auto reader = OpenCapture(path);
  for (int number = 1; reader; ++number) {
    const auto packet = (*reader)->Next();
    if (!packet || !*packet) break;
    if ((*packet)->link_type == LinkType::kEthernet)
      visit(number, **packet, Decode(LinkType::kEthernet, (*packet)->bytes));
  }
}

TEST(DecoderOnRealCaptures, AgreesWithLibpcapsFilters) {
  const std::vector<std::string> files = CaptureFiles();
  if (files.empty()) GTEST_SKIP() << "no captures: set DASHCAP_CAPTURES";
  const std::vector<Filter> general = GeneralFilters();
  std::vector<std::unique_ptr<BpfFilter>> general_bpf;
  for (const Filter& f : general) general_bpf.push_back(std::make_unique<BpfFilter>(f.text));
  std::map<std::string, int> matches;

  for (const std::string& file : files) {
    SCOPED_TRACE(file);
    std::set<std::string> ips, macs;
    ForEachEthernetPacket(file, [&](int, const Packet&, const Decoded& d) {
      if (d.key.source.kind >= AddressKind::kIpv4 && ips.size() < 6) ips.insert(FormatAddress(d.key.source));
      if (d.key.destination.kind >= AddressKind::kIpv4 && ips.size() < 8) ips.insert(FormatAddress(d.key.destination));
      if (d.mac_source.kind == AddressKind::kMac && macs.size() < 2) macs.insert(FormatAddress(d.mac_source));
    });
    const std::vector<Filter> hosts = HostFilters(ips, macs);
    std::vector<std::unique_ptr<BpfFilter>> hosts_bpf;
    for (const Filter& f : hosts) hosts_bpf.push_back(std::make_unique<BpfFilter>(f.text));

    ForEachEthernetPacket(file, [&](int number, const Packet& packet, const Decoded& d) {
      if (OnlyOursLooksInside(packet, d)) return;
      const auto check = [&](const Filter& filter, const BpfFilter& bpf) {
        const bool expected = bpf.Matches(packet);
        if (expected) ++matches[filter.text];
        EXPECT_EQ(filter.matches(d), expected) << "packet " << number << ", filter " << filter.text;
      };
      for (size_t i = 0; i < general.size(); ++i) check(general[i], *general_bpf[i]);
      for (size_t i = 0; i < hosts.size(); ++i) check(hosts[i], *hosts_bpf[i]);
    });
  }
  for (const Filter& f : general) EXPECT_GT(matches[f.text], 0) << f.text << " was not tried: no packet matches";
}

}  // namespace
}  // namespace dashcap
