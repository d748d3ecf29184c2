#include <fmt/format.h>
#include <gtest/gtest.h>
#include <pcap/pcap.h>

#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "packet/capture_reader.h"
#include "packet/decoder.h"
#include "packet/fragment_table.h"
#include "query/language/encapsulation.h"
#include "query/language/packet_matcher.h"
#include "query/language/parser.h"
#include "tests/packet/capture_files.h"
#include "tests/query/language/filters.h"

namespace dashcap {
namespace {

// A program of libpcap's for the packets of one file, made as tcpdump makes it.
class TcpdumpFilter {
 public:
  TcpdumpFilter(pcap_t* file, const std::string& text) {
    compiled_ = pcap_compile(file, &program_, text.c_str(), 1, 0) == 0;
    if (!compiled_) refuses_ = std::string(pcap_geterr(file)) != "expression rejects all packets";
  }
  ~TcpdumpFilter() {
    if (compiled_) pcap_freecode(&program_);
  }
  TcpdumpFilter(const TcpdumpFilter&) = delete;
  TcpdumpFilter& operator=(const TcpdumpFilter&) = delete;

  bool refuses() const { return refuses_; }
  bool Matches(const pcap_pkthdr& header, const uint8_t* bytes) const {
    return compiled_ && pcap_offline_filter(&program_, &header, bytes) != 0;
  }

 private:
  bpf_program program_{};
  bool compiled_ = false;
  bool refuses_ = false;
};

struct CapturedPacket {
  pcap_pkthdr header;
  std::vector<uint8_t> bytes;
};

struct CaptureFile {
  std::string path;
  std::unique_ptr<pcap_t, void (*)(pcap_t*)> pcap{nullptr, pcap_close};
  LinkType link_type{};
  std::vector<CapturedPacket> packets;  // the first ones
};

constexpr size_t kPacketsOfAFile = 24;

std::optional<CaptureFile> ReadCapture(const std::string& path) {
  CaptureFile file;
  file.path = path;
  char message[PCAP_ERRBUF_SIZE] = "";
  file.pcap.reset(pcap_open_offline(path.c_str(), message));
  if (!file.pcap) return std::nullopt;
  const auto reader = OpenCapture(path);
  if (!reader) return std::nullopt;
  const auto first = (*reader)->Next();
  if (!first || !*first) return std::nullopt;
  file.link_type = (*first)->link_type;
  pcap_pkthdr* header = nullptr;
  const uint8_t* bytes = nullptr;
  while (file.packets.size() < kPacketsOfAFile && pcap_next_ex(file.pcap.get(), &header, &bytes) == 1) {
    file.packets.push_back({*header, {bytes, bytes + header->caplen}});
  }
  return file;
}

// What libpcap's filters, which look at the outermost layers only, and dashcap's see differently: the rules of
// docs/query-language.md. Told by libpcap. Of link types that dashcap doesn't decode both see the same.
std::vector<std::string> MoreThanOutermostLayers(int dlt) {
  std::vector<std::string> filters = {
      // tags and labels
      "ether proto 0x8100", "ether proto 0x88a8", "ether proto 0x9100", "ether proto 0x9200", "ether proto 0x9300",
      "ether proto 0x8847", "ether proto 0x8848",
      // IP in IP, AH
      "ip proto 4", "ip proto 41", "ip proto 51", "ip6 proto 4", "ip6 proto 41",
      // extension headers
      "ip6 and (ip6[6] = 0 or ip6[6] = 43 or ip6[6] = 44 or ip6[6] = 51 or ip6[6] = 60 or ip6[6] = 135 or "
      "ip6[6] = 139 or ip6[6] = 140)",
      // later fragments, which belong to their datagram's flow
      "ip[6:2] & 0x1fff != 0"};
  switch (dlt) {
    case DLT_EN10MB:
      filters.push_back("ether[12:2] <= 1500 and ether[14:2] = 0xaaaa");  // SNAP
      return filters;
    case DLT_LINUX_SLL:
      filters.push_back("link[14:2] = 4 and link[16:2] = 0xaaaa");
      return filters;
    case DLT_LINUX_SLL2:
      filters.push_back("link[0:2] = 4 and link[20:2] = 0xaaaa");
      return filters;
    case DLT_NULL:
    case DLT_LOOP:
    case DLT_RAW:
    case DLT_IPV4:
    case DLT_IPV6:
      return filters;
    default:
      return {};
  }
}

// Where the link layer's header has no fixed size, libpcap 1.10.3 computes that size and a comparison's operands in the
// same registers, so that beside a comparison every other primitive reads from the wrong place:
// `len > 100 and dir nods` asks byte 101.
bool MixesUpRegisters(int dlt, const std::string& filter) {
  const bool variable = dlt == DLT_IEEE802_11 || dlt == DLT_IEEE802_11_RADIO || dlt == DLT_PPI;
  return variable && filter.find_first_of("[<>=") != std::string::npos;
}

// A filter of the table for the files of one kind.
struct Case {
  const Filter* filter;
  std::unique_ptr<TcpdumpFilter> tcpdump;
  std::unique_ptr<TcpdumpFilter> negated;  // of a primitive
  std::unique_ptr<PacketMatcher> ours;
};

struct Kind {
  std::vector<std::unique_ptr<TcpdumpFilter>> more_layers;
  FilterPrograms programs;
  std::vector<Case> cases;
};

std::unique_ptr<Kind> MakeKind(const CaptureFile& file, const std::vector<Filter>& filters) {
  auto kind = std::make_unique<Kind>();
  for (const std::string& text : MoreThanOutermostLayers(pcap_datalink(file.pcap.get()))) {
    kind->more_layers.push_back(std::make_unique<TcpdumpFilter>(file.pcap.get(), text));
  }
  for (const Filter& filter : filters) {
    Case one;
    one.filter = &filter;
    one.tcpdump = std::make_unique<TcpdumpFilter>(file.pcap.get(), filter.text);
    if (filter.is_primitive()) {
      one.negated = std::make_unique<TcpdumpFilter>(file.pcap.get(), "not (" + filter.text + ")");
    }
    const auto expression = ParseQuery(filter.text, {});
    if (!expression) {
      ADD_FAILURE() << filter.text << ": " << expression.error().what();
      continue;
    }
    one.ours = std::make_unique<PacketMatcher>(*expression, file.link_type, kind->programs);
    kind->cases.push_back(std::move(one));
  }
  return kind;
}

struct Tally {
  std::map<std::string, int> matches;  // of primitives on plain packets
  size_t equal = 0;
  size_t by_rule = 0;
  struct Differences {
    size_t count = 0;
    std::string first;
  };
  std::map<std::string, Differences> differences;  // by filter
};

// What a filter of the table must say when its primitives say this.
bool Combined(const Filter& filter, const std::vector<bool>& values) {
  const bool first = values[filter.first];
  const bool second = values[filter.second];
  switch (filter.form) {
    case Filter::Form::kPrimitive:
      return first;
    case Filter::Form::kNot:
      return !first;
    case Filter::Form::kAnd:
      return first && second;
    case Filter::Form::kOr:
      return first || second;
    case Filter::Form::kNeither:
      return !first && !second;
    case Filter::Form::kAndNot:
      return first && !second;
  }
  return false;
}

void Check(const CaptureFile& file, const Kind& kind, Tally& tally) {
  FragmentTable fragments;
  for (size_t number = 1; number <= file.packets.size(); number++) {
    const auto& [header, bytes] = file.packets[number - 1];
    Packet packet;
    packet.timestamp = FromUnixNanoseconds(header.ts.tv_sec * INT64_C(1000000000));
    packet.original_length = header.len;
    packet.link_type = file.link_type;
    packet.bytes = bytes;
    Decoded decoded = Decode(file.link_type, packet.bytes);
    if (decoded.fragment.is_fragment) fragments.Resolve(packet.timestamp, decoded);

    bool plain = true;
    for (const auto& more : kind.more_layers) plain = plain && !more->Matches(header, bytes.data());
    std::vector<bool> values;     // of primitives, by dashcap
    std::vector<bool> uncertain;  // tcpdump gives up on the packet, or can't be asked at all
    for (const Case& one : kind.cases) {
      const bool ours = one.ours->Matches(packet, decoded.key);
      const bool tcpdump = one.tcpdump->Matches(header, bytes.data());
      bool expected = tcpdump;
      bool exact = plain;
      if (one.filter->is_primitive()) {
        values.push_back(ours);
        uncertain.push_back(one.tcpdump->refuses() || (!tcpdump && !one.negated->Matches(header, bytes.data())));
        if (plain && tcpdump) tally.matches[one.filter->text]++;
        if (!plain && ours && !tcpdump) expected = true;
      } else {
        exact = plain && !uncertain[one.filter->first] && !uncertain[one.filter->second] &&
                !MixesUpRegisters(pcap_datalink(file.pcap.get()), one.filter->text);
        if (!exact) expected = Combined(*one.filter, values);
      }
      (exact ? tally.equal : tally.by_rule)++;
      if (ours == expected) continue;
      Tally::Differences& differences = tally.differences[one.filter->text];
      if (differences.count++ > 0) continue;
      differences.first = fmt::format("{} packet {}{}: tcpdump {}, dashcap {}", file.path, number,
                                      plain ? "" : " (not plain)", tcpdump, ours);
    }
  }
}

TEST(LikeTcpdump, TheSamePacketsOnPlainTrafficAndMoreWhereMoreLayersCount) {
  const std::vector<std::string> paths = CaptureFiles();
  if (paths.empty()) GTEST_SKIP() << "no captures: set DASHCAP_CAPTURES";
  const std::vector<Filter> filters = FiltersOfManualPage();
  ASSERT_GE(filters.size(), 600U);
  std::map<std::tuple<int, int, LinkType>, std::unique_ptr<Kind>> kinds;
  Tally tally;
  size_t packets = 0;
  for (const std::string& path : paths) {
    const auto file = ReadCapture(path);
    if (!file) continue;
    auto& kind = kinds[{pcap_datalink(file->pcap.get()), pcap_is_swapped(file->pcap.get()), file->link_type}];
    if (!kind) kind = MakeKind(*file, filters);
    Check(*file, *kind, tally);
    packets += file->packets.size();
  }
  fmt::print("{} filters, {} packets of {} link types: {} answers equal to tcpdump's, {} by the rules of layers\n",
             filters.size(), packets, kinds.size(), tally.equal, tally.by_rule);
  for (const auto& [text, differences] : tally.differences)
    ADD_FAILURE() << text << ": " << differences.count << " packets differ, the first: " << differences.first;
  for (const Filter& filter : filters) {
    if (!filter.is_primitive() || filter.rare) continue;
    EXPECT_GT(tally.matches[filter.text], 0) << filter.text << " was not tried: no packet matches";
  }
}

TEST(LikeTcpdump, BehindTagsAndTunnelsNothingIsMissed) {
  const std::vector<std::string> paths = CaptureFiles();
  if (paths.empty()) GTEST_SKIP() << "no captures: set DASHCAP_CAPTURES";
  // Without `not`, which finds less the more a primitive finds, and whose reading tcpdump lets depend on the order.
  const std::vector<std::string> filters = {"vlan and ip",
                                            "vlan and arp",
                                            "vlan and vlan and ip",
                                            "vlan and tcp[13] & 2 != 0",
                                            "vlan and ip[8] > 60",
                                            "mpls and ip",
                                            "mpls and tcp",
                                            "pppoes and ip",
                                            "pppoes and udp",
                                            "pppoes and ip[8] > 1",
                                            "geneve and tcp",
                                            "geneve and ip",
                                            "geneve 0xb and ip",
                                            "geneve 0xb and icmp",
                                            "geneve and (icmp or tcp)"};
  std::map<std::string, int> matches;
  for (const std::string& path : paths) {
    const auto file = ReadCapture(path);
    if (!file) continue;
    FilterPrograms programs;
    for (const std::string& text : filters) {
      const TcpdumpFilter tcpdump(file->pcap.get(), text);
      if (tcpdump.refuses()) continue;
      std::optional<PacketMatcher> ours;
      for (const auto& [header, bytes] : file->packets) {
        if (!tcpdump.Matches(header, bytes.data())) continue;
        matches[text]++;
        if (!ours) ours.emplace(WithInnerReading(*ParseQuery(text, {})), file->link_type, programs);
        Packet packet;
        packet.original_length = header.len;
        packet.link_type = file->link_type;
        packet.bytes = bytes;
        EXPECT_TRUE(ours->Matches(packet, Decode(file->link_type, packet.bytes).key)) << path << ", filter " << text;
      }
    }
  }
  for (const std::string& text : filters) EXPECT_GT(matches[text], 0) << text << " was not tried: no packet matches";
}

TEST(LikeTcpdump, PrintedFiltersParseToTheSameTree) {
  for (const Filter& filter : FiltersOfManualPage()) {
    const auto expression = ParseQuery(filter.text, {});
    ASSERT_TRUE(expression) << filter.text << ": " << expression.error().what();
    const std::string printed = PrintQuery(**expression);
    const auto again = ParseQuery(printed, {});
    ASSERT_TRUE(again) << filter.text << " printed as " << printed << ": " << again.error().what();
    EXPECT_TRUE(SameTree(**expression, **again)) << filter.text << " printed as " << printed;
  }
}

// Any tree of the table's primitives, as deep as `depth`.
ExpressionPtr RandomTree(std::mt19937& random, const std::vector<ExpressionPtr>& primitives, int depth) {
  const auto below = [&random](size_t end) { return std::uniform_int_distribution<size_t>(0, end - 1)(random); };
  const size_t kind = depth == 0 ? 0 : below(4);
  if (kind == 0) return primitives[below(primitives.size())];
  if (kind == 1) return MakeExpression(NotNode{RandomTree(random, primitives, depth - 1)});
  // A child of the same kind would be its parent's child, as the parser has it.
  std::vector<ExpressionPtr> children;
  const size_t count = 2 + below(3);
  while (children.size() < count) {
    ExpressionPtr child = RandomTree(random, primitives, depth - 1);
    const bool same =
        kind == 2 ? std::holds_alternative<AndNode>(child->node) : std::holds_alternative<OrNode>(child->node);
    if (!same) children.push_back(std::move(child));
  }
  return kind == 2 ? MakeExpression(AndNode{std::move(children)}) : MakeExpression(OrNode{std::move(children)});
}

TEST(LikeTcpdump, PrintedRandomTreesParseToTheSameTree) {
  std::vector<ExpressionPtr> primitives;
  for (const Filter& filter : FiltersOfManualPage()) {
    if (filter.is_primitive()) primitives.push_back(*ParseQuery(filter.text, {}));
  }
  for (const char* time : {"before 2026-11-24", "after 1795486200.25", "between 2026-11-24T02:10 and 2026-11-24T02:15"})
    primitives.push_back(*ParseQuery(time, {}));
  std::erase_if(primitives, [](const ExpressionPtr& primitive) {
    return std::holds_alternative<AndNode>(primitive->node) || std::holds_alternative<OrNode>(primitive->node);
  });
  std::mt19937 random(7);
  for (int i = 0; i < 500; i++) {
    const ExpressionPtr tree = RandomTree(random, primitives, 4);
    const std::string printed = PrintQuery(*tree);
    const auto again = ParseQuery(printed, {});
    ASSERT_TRUE(again) << printed << ": " << again.error().what();
    EXPECT_TRUE(SameTree(*tree, **again)) << printed;
  }
}

}  // namespace
}  // namespace dashcap
