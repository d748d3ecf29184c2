#include "packet/decoder.h"

#include <algorithm>
#include <array>

#include "indexer/flow_record.h"
#include "packet/capture_reader.h"
#include "packet/fragment_table.h"
#include "tests/fuzz/target.h"
#include "tests/packet/capture_files.h"
#include "tests/packet/frames.h"

// The first byte of an input chooses the link type, the rest is the packet.
namespace dashcap {
namespace {

constexpr std::array<LinkType, 11> kLinkTypes = {
    LinkType::kEthernet, LinkType::kNull, LinkType::kRawDlt12, LinkType::kRawDlt14,  LinkType::kRaw, LinkType::kLoop,
    LinkType::kLinuxSll, LinkType::kIpv4, LinkType::kIpv6,     LinkType::kLinuxSll2, LinkType{147}};

bool Same(const Decoded& a, const Decoded& b) {
  return a.key == b.key && a.fragment.is_fragment == b.fragment.is_fragment &&
         a.fragment.is_first == b.fragment.is_first && a.fragment.id == b.fragment.id && a.end == b.end &&
         a.tcp_flags == b.tcp_flags && a.mac_source == b.mac_source && a.mac_destination == b.mac_destination &&
         a.payload_offset == b.payload_offset;
}

void CheckKey(const FlowKey& key) {
  // Each layer that was entered left an item, so this bounds the nesting, too.
  const std::vector<EnvelopeItem> items = ItemsOf(key.envelope);
  Require(items.size() <= Envelope::kCapacity / 2, "the envelope bounds the number of layers");
  Envelope copy;
  Require(copy.Assign(key.envelope.bytes()) && copy == key.envelope, "an envelope is made of its own bytes");

  Require(Reversed(Reversed(key)) == key, "two reversals are none");
  FlowKey forward = key;
  FlowKey backward = Reversed(key);
  Canonicalize(forward);
  Canonicalize(backward);
  Require(forward == backward, "both directions have one canonical key");
  Require(!Canonicalize(forward), "a canonical key is in order");

  const std::vector<Attribute> attributes = AttributesOf(key);
  Require(std::adjacent_find(attributes.begin(), attributes.end(), std::greater_equal<>()) == attributes.end(),
          "attributes are sorted and not repeated");

  FlowRecord record;
  record.key = key;
  record.first_time = record.last_time = FromUnixNanoseconds(1);
  record.packets[0] = record.bytes[0] = 1;
  std::string text;
  AppendFlowRecord(record, Timestamp{}, text);
  std::string_view rest = text;
  Require(TakeFlowRecord(rest, Timestamp{}) == record && rest.empty(), "a flow record reads as it was written");
}

std::string Seed(uint8_t link_type, const Bytes& packet) {
  return static_cast<char>(link_type) + std::string(packet.begin(), packet.end());
}

}  // namespace

std::vector<std::string> FuzzSeeds() {
  const Bytes tcp = Ipv4Header("06") + TcpHeader();
  const Bytes udp6 = Ipv6Header("11") + UdpHeader();
  const Bytes ah = Hex("06 04 00 00  00 00 00 01  00 00 00 01  00 00 00 00 00 00 00 00 00 00 00 00");
  const Bytes hop_by_hop = Hex("2c 00 05 02 00 00 01 00");
  const Bytes fragment6 = Hex("11 00 00 01 12 34 56 78");
  const Bytes arp = Hex("00 01 08 00 06 04 00 01  02 00 00 00 00 01 0a 00 00 01  00 00 00 00 00 00 0a 00 00 02");
  std::vector<std::string> seeds = {
      Seed(0, Macs() + Hex("08 00") + tcp),
      Seed(0, Macs() + Hex("86 dd") + udp6),
      Seed(0, Macs() + Hex("81 00 00 07  88 a8 00 08  08 00") + tcp),
      Seed(0, Macs() + Hex("88 47  00 01 d0 40  00 01 d1 40") + tcp),
      Seed(0, Macs() + Hex("08 06") + arp),
      Seed(0, Macs() + Hex("00 26 aa aa 03 00 00 00 08 00") + tcp),
      Seed(0, Macs() + Hex("00 03 42 42 03")),
      Seed(0, Macs() + Hex("08 00") + Ipv4Header("11", "20 00") + UdpHeader()),
      Seed(0, Macs() + Hex("08 00") + Ipv4Header("11", "00 01") + UdpHeader()),
      Seed(0, Macs() + Hex("08 00") + Ipv4Header("04") + Ipv4Header("29") + udp6),
      Seed(0, Macs() + Hex("08 00") + Ipv4Header("33") + ah + TcpHeader()),
      Seed(0, Macs() + Hex("86 dd") + Ipv6Header("00") + hop_by_hop + fragment6 + UdpHeader()),
      Seed(0, Macs() + Hex("86 dd") + Ipv6Header("3a") + Hex("80 00 00 00")),
      Seed(1, Hex("02 00 00 00") + tcp),
      Seed(4, tcp),
      Seed(4, udp6),
      Seed(5, Hex("00 00 00 02") + tcp),
      Seed(6, Hex("00 00 00 01 00 06 02 00 00 00 00 01 00 00 08 00") + tcp),
      Seed(9, Hex("86 dd 00 00 00 00 00 02 00 01 00 06 02 00 00 00 00 01 00 00") + udp6),
  };
  for (const std::string& path : CaptureFiles()) {
    constexpr uint64_t kSmall = 1500;
    if (std::filesystem::file_size(path) > kSmall) continue;
    auto reader = OpenCapture(path);
    if (!reader) continue;
    auto packet = (*reader)->Next();
    if (!packet || !*packet) continue;
    const auto type = std::find(kLinkTypes.begin(), kLinkTypes.end(), (*packet)->link_type);
    if (type == kLinkTypes.end()) continue;
    seeds.push_back(
        Seed(static_cast<uint8_t>(type - kLinkTypes.begin()), {(*packet)->bytes.begin(), (*packet)->bytes.end()}));
  }
  return seeds;
}

}  // namespace dashcap

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dashcap;
  if (size == 0) return 0;
  const LinkType type = kLinkTypes[data[0] % kLinkTypes.size()];
  const std::span<const uint8_t> packet(data + 1, size - 1);
  static Decoded used;  // holds what the packet before left
  Decode(type, packet, used);
  const Decoded fresh = Decode(type, packet);
  Require(Same(used, fresh), "decoding leaves nothing of the packet before");
  Require(fresh.payload_offset <= packet.size(), "the payload begins within the packet");
  CheckKey(fresh.key);
  static FragmentTable fragments;
  if (!used.fragment.is_fragment) return 0;
  fragments.Resolve(FromUnixNanoseconds(1), used);
  CheckKey(used.key);
  return 0;
}
