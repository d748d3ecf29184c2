#include <fmt/format.h>

#include "query/language/parser.h"

namespace dashcap {
namespace {

const char* TextOf(Side side) {
  switch (side) {
    case Side::kEither:
      return "";
    case Side::kSource:
      return "src ";
    case Side::kDestination:
      return "dst ";
    case Side::kBoth:
      return "src and dst ";
  }
  return "";
}

const char* TextOf(Family family) {
  switch (family) {
    case Family::kAny:
      return "";
    case Family::kIp:
      return "ip ";
    case Family::kIp6:
      return "ip6 ";
    case Family::kArp:
      return "arp ";
    case Family::kRarp:
      return "rarp ";
  }
  return "";
}

const char* TextOf(PortTerm::Transport transport) {
  switch (transport) {
    case PortTerm::Transport::kAny:
      return "";
    case PortTerm::Transport::kTcp:
      return "tcp ";
    case PortTerm::Transport::kUdp:
      return "udp ";
    case PortTerm::Transport::kSctp:
      return "sctp ";
    case PortTerm::Transport::kUdpLite:
      return "udplite ";
  }
  return "";
}

struct Printer {
  std::string operator()(const AllTerm&) const { return ""; }
  std::string operator()(const HostTerm& term) const {
    const bool host = term.network.prefix_length == term.network.base.size() * 8;
    return fmt::format("{}{}{} {}", TextOf(term.family), TextOf(term.side), host ? "host" : "net",
                       host ? FormatAddress(term.network.base) : FormatNetwork(term.network));
  }
  std::string operator()(const PortTerm& term) const {
    const std::string before = fmt::format("{}{}", TextOf(term.transport), TextOf(term.side));
    if (term.first == term.last) return fmt::format("{}port {}", before, term.first);
    return fmt::format("{}portrange {}-{}", before, term.first, term.last);
  }
  std::string operator()(const ProtocolTerm& term) const {
    if (term == ProtocolTerm{Family::kAny, 6}) return "tcp";
    if (term == ProtocolTerm{Family::kAny, 17}) return "udp";
    if (term == ProtocolTerm{Family::kIp, 1}) return "icmp";
    if (term == ProtocolTerm{Family::kIp6, 58}) return "icmp6";
    return fmt::format("{}proto {}", TextOf(term.family), term.protocol);
  }
  std::string operator()(const EtherTypeTerm& term) const {
    switch (term.ether_type) {
      case 0x0800:
        return "ip";
      case 0x86dd:
        return "ip6";
      case 0x0806:
        return "arp";
      case 0x8035:
        return "rarp";
      default:
        return fmt::format("ether proto 0x{:04x}", term.ether_type);
    }
  }
  std::string operator()(const VlanTerm& term) const { return term.id ? fmt::format("vlan {}", *term.id) : "vlan"; }
  std::string operator()(const MplsTerm& term) const {
    return term.label ? fmt::format("mpls {}", *term.label) : "mpls";
  }
  std::string operator()(const TimeTerm& term) const {
    if (term.range.begin == kMinTimestamp) return "before " + FormatTime(term.range.end);
    if (term.range.end == kMaxTimestamp) return "after " + FormatTime(term.range.begin);
    return fmt::format("between {} and {}", FormatTime(term.range.begin), FormatTime(term.range.end));
  }
  std::string operator()(const PacketTerm& term) const { return term.filter; }
  std::string operator()(const NotNode& node) const { return "not " + Inner(*node.child); }
  std::string operator()(const AndNode& node) const { return Joined(node.children, " and "); }
  std::string operator()(const OrNode& node) const { return Joined(node.children, " or "); }

 private:
  static std::string Inner(const Expression& expression) {
    const bool joined =
        std::holds_alternative<AndNode>(expression.node) || std::holds_alternative<OrNode>(expression.node);
    return joined ? "(" + PrintQuery(expression) + ")" : PrintQuery(expression);
  }
  static std::string Joined(const std::vector<ExpressionPtr>& children, const char* by) {
    std::string text;
    for (const ExpressionPtr& child : children) text += (text.empty() ? "" : by) + Inner(*child);
    return text;
  }
};

}  // namespace

std::string PrintQuery(const Expression& expression) { return std::visit(Printer(), expression.node); }

}  // namespace dashcap
