#include "query/language/parser.h"

#include "query/language/matcher.h"
#include "tests/fuzz/target.h"

// The first byte of an input chooses the precedence, the rest is a query.
namespace dashcap {

std::vector<std::string> FuzzSeeds() {
  std::vector<std::string> seeds;
  for (const char* text : {"",
                           "host 10.1.2.3",
                           "src host 2001:db8::1",
                           "net 10.0.0.0/8",
                           "net 10.1",
                           "dst net 10.1.0.0 mask 255.255.0.0",
                           "tcp port 80 or 443",
                           "udp src portrange 1-1023",
                           "src and dst port 53",
                           "ip proto 17",
                           "ip6 proto \\tcp",
                           "icmp or icmp6 or arp or rarp",
                           "vlan",
                           "vlan 7 and mpls 29",
                           "tcp or udp and not icmp",
                           "not (host 10.0.0.1 or (port 5 and !udp)) && arp || 10.2.3.4",
                           "before 2026-11-24T02:10:00Z",
                           "after 45m ago and tcp",
                           "between 2026-11-24 02:10 and 1795492168.5",
                           "sctp dst port 7 or udplite port 9",
                           "arp host 10.0.0.1",
                           "host 1.2.3.4 prot 80",
                           "(((((tcp)))))",
                           "! ! ! ip"}) {
    seeds.push_back(std::string("\0", 1) + text);
    seeds.push_back(std::string("\1") + text);
  }
  return seeds;
}

}  // namespace dashcap

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dashcap;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  ParseOptions options;
  options.now = FromUnixNanoseconds(1'700'000'000'000'000'000);
  if (data[0] % 2 == 1) options.precedence = ParseOptions::Precedence::kLeftToRight;
  const auto tree = ParseQuery(text, options);
  if (!tree) {
    const ParseError& error = tree.error();
    Require(error.column >= 1 && error.column <= text.size() + 1, "an error's column lies in the text");
    Require(!error.expected.empty(), "an error says what was expected");
    return 0;
  }
  const std::string printed = PrintQuery(**tree);
  // The same in more letters than a query may have.
  if (printed.size() > kMaxQueryLength) return 0;
  const auto again = ParseQuery(printed, {});
  Require(again.has_value() && SameTree(**tree, **again), "a query that is printed parses to the same tree");
  const TimeRange bounds = TimeBounds(**tree);
  for (const Timestamp time : {Timestamp{}, options.now, kMaxTimestamp}) {
    const bool matches = Matches(**tree, FlowKey{}, time);
    Require(!matches || bounds.Contains(time) || time == kMaxTimestamp, "nothing matches outside the bounds");
    const auto at_any_time = MatchesAtAnyTime(**tree, FlowKey{});
    Require(!at_any_time || *at_any_time == matches, "what holds at any time holds now");
  }
  return 0;
}
