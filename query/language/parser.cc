#include "query/language/parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

#include "base/nearest_word.h"
#include "query/language/lexer.h"

namespace dashcap {
namespace {

constexpr uint16_t kEtherTypeIp = 0x0800;
constexpr uint16_t kEtherTypeArp = 0x0806;
constexpr uint16_t kEtherTypeRarp = 0x8035;
constexpr uint16_t kEtherTypeIp6 = 0x86dd;
constexpr uint32_t kMaxVlan = 4095;
constexpr uint32_t kMaxMpls = (1 << 20) - 1;

constexpr std::array<std::string_view, 32> kKeywords = {
    "host", "net", "port", "portrange", "proto", "src",   "dst",  "ip",   "ip6",    "arp",   "rarp",
    "tcp",  "udp", "sctp", "udplite",   "icmp",  "icmp6", "vlan", "mpls", "before", "after", "between",
    "and",  "or",  "not",  "mask",      "ago",   "igmp",  "gre",  "esp",  "ah",     "pim"};

struct NamedProtocol {
  std::string_view name;
  uint8_t number;
};
// IANA's numbers under the names of pcap-filter(7).
constexpr std::array<NamedProtocol, 13> kProtocols = {{{"icmp", 1},
                                                       {"igmp", 2},
                                                       {"tcp", 6},
                                                       {"udp", 17},
                                                       {"gre", 47},
                                                       {"esp", 50},
                                                       {"ah", 51},
                                                       {"icmp6", 58},
                                                       {"ospf", 89},
                                                       {"pim", 103},
                                                       {"vrrp", 112},
                                                       {"sctp", 132},
                                                       {"udplite", 136}}};

// What stands before an operand: `tcp src port`. Remembered for `port 80 or 443`.
struct Qualifiers {
  enum class Type { kNone, kHost, kNet, kPort, kPortRange, kProto };
  std::string_view protocol;  // the word, "" for none
  Side side = Side::kEither;
  Type type = Type::kNone;
};

struct Problem {
  ParseError error;
};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

std::optional<uint32_t> ParseNumber(std::string_view text, uint32_t max) {
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number > max) return std::nullopt;
  return number;
}

std::optional<uint8_t> ParseProtocol(std::string_view text) {
  if (text.starts_with('\\')) text.remove_prefix(1);  // tcpdump wants names that are keywords escaped
  for (const NamedProtocol& known : kProtocols) {
    if (text == known.name) return known.number;
  }
  const auto number = ParseNumber(text, std::numeric_limits<uint8_t>::max());
  return number ? std::optional(static_cast<uint8_t>(*number)) : std::nullopt;
}

std::optional<Family> FamilyOf(std::string_view word) {
  if (word == "ip") return Family::kIp;
  if (word == "ip6") return Family::kIp6;
  if (word == "arp") return Family::kArp;
  if (word == "rarp") return Family::kRarp;
  return std::nullopt;
}

std::optional<PortTerm::Transport> TransportOf(std::string_view word) {
  if (word == "tcp") return PortTerm::Transport::kTcp;
  if (word == "udp") return PortTerm::Transport::kUdp;
  if (word == "sctp") return PortTerm::Transport::kSctp;
  if (word == "udplite") return PortTerm::Transport::kUdpLite;
  return std::nullopt;
}

// "10.1" is 10.1.0.0 with 16 bits known, as in pcap-filter(7).
std::optional<Network> ParsePartialIpv4(std::string_view text) {
  Network network;
  network.base.kind = AddressKind::kIpv4;
  for (size_t i = 0; i < 4; i++) {
    const std::string_view part = text.substr(0, text.find('.'));
    const auto byte = ParseNumber(part, 255);
    if (!byte) return std::nullopt;
    network.base.bytes[i] = static_cast<uint8_t>(*byte);
    network.prefix_length = static_cast<uint8_t>(8 * (i + 1));
    if (part.size() == text.size()) return network;
    text.remove_prefix(part.size() + 1);
  }
  return std::nullopt;
}

std::optional<Network> ParseNetworkAddress(std::string_view text) {
  if (auto network = ParsePartialIpv4(text)) return network;
  const auto address = ParseIpAddress(text);
  if (!address) return std::nullopt;
  return Network{*address, static_cast<uint8_t>(address->size() * 8)};
}

// The number of bits of a contiguous mask, "255.255.0.0" or "ffff::".
std::optional<uint8_t> ParseMask(std::string_view text, AddressKind kind) {
  const auto mask = ParseIpAddress(text);
  if (!mask || mask->kind != kind) return std::nullopt;
  uint8_t bits = 0;
  while (bits < mask->size() * 8 && (mask->bytes[bits / 8] >> (7 - bits % 8) & 1) != 0) bits++;
  Address rebuilt = Address{};
  rebuilt.kind = kind;
  for (uint8_t i = 0; i < bits; i++) rebuilt.bytes[i / 8] = static_cast<uint8_t>(rebuilt.bytes[i / 8] | 0x80 >> i % 8);
  return rebuilt == *mask ? std::optional(bits) : std::nullopt;
}

Address WithoutHostBits(const Network& network) {
  Address base = network.base;
  for (size_t i = network.prefix_length; i < base.size() * 8; i++)
    base.bytes[i / 8] = static_cast<uint8_t>(base.bytes[i / 8] & ~(0x80 >> i % 8));
  return base;
}

bool LooksLikeDate(std::string_view text) {
  return text.size() == 10 && IsDigit(text[0]) && text[4] == '-' && text[7] == '-';
}

bool IsOperand(std::string_view word) {
  return !word.empty() && std::find(kKeywords.begin(), kKeywords.end(), word) == kKeywords.end();
}

template <class Term>
ExpressionPtr Make(Term term) {
  return std::make_shared<const Expression>(Expression{std::move(term)});
}

template <class Node>
void AddChild(ExpressionPtr child, std::vector<ExpressionPtr>& children) {
  if (const auto* same = std::get_if<Node>(&child->node)) {
    children.insert(children.end(), same->children.begin(), same->children.end());
  } else {
    children.push_back(std::move(child));
  }
}

template <class Node>
ExpressionPtr Join(ExpressionPtr a, ExpressionPtr b) {
  Node node;
  AddChild<Node>(std::move(a), node.children);
  AddChild<Node>(std::move(b), node.children);
  return Make(std::move(node));
}

// Recursive descent. A problem is thrown within the parser, where it may be a hundred levels deep, and caught at its
// rim.
class Parser {
 public:
  Parser(std::string_view text, const ParseOptions& options) : lexer_(text), options_(options) {}

  ExpressionPtr Parse() {
    if (lexer_.next().kind == Token::Kind::kEnd) return Make(AllTerm{});
    ExpressionPtr expression = Disjunction();
    if (lexer_.next().kind != Token::Kind::kEnd) Fail(lexer_.next(), "\"and\", \"or\" or the end of the query", true);
    return expression;
  }

 private:
  [[noreturn]] static void Fail(const Token& at, std::string expected, bool suggest = false) {
    Problem problem;
    problem.error.column = at.column;
    problem.error.found = std::string(at.text);
    problem.error.expected = std::move(expected);
    if (suggest && at.kind == Token::Kind::kWord)
      problem.error.suggestion = std::string(NearestWord(at.text, kKeywords));
    throw problem;
  }

  bool Accept(Token::Kind kind) {
    if (lexer_.next().kind != kind) return false;
    lexer_.Take();
    return true;
  }

  bool AcceptWord(std::string_view word) {
    if (lexer_.next().kind != Token::Kind::kWord || lexer_.next().text != word) return false;
    lexer_.Take();
    return true;
  }

  Token TakeWord(const std::string& expected) {
    if (lexer_.next().kind != Token::Kind::kWord) Fail(lexer_.next(), expected);
    return lexer_.Take();
  }

  ExpressionPtr Disjunction() {
    ExpressionPtr left = Conjunction();
    const bool left_to_right = options_.precedence == ParseOptions::Precedence::kLeftToRight;
    std::vector<ExpressionPtr> alternatives;
    while (true) {
      if (Accept(Token::Kind::kOr)) {
        if (left_to_right) {
          left = Join<OrNode>(std::move(left), Negation());
        } else {
          AddChild<OrNode>(std::move(left), alternatives);
          left = Conjunction();
        }
      } else if (left_to_right && Accept(Token::Kind::kAnd)) {
        left = Join<AndNode>(std::move(left), Negation());
      } else {
        break;
      }
    }
    if (alternatives.empty()) return left;
    AddChild<OrNode>(std::move(left), alternatives);
    return Make(OrNode{std::move(alternatives)});
  }

  ExpressionPtr Conjunction() {
    ExpressionPtr first = Negation();
    if (options_.precedence == ParseOptions::Precedence::kLeftToRight || lexer_.next().kind != Token::Kind::kAnd)
      return first;
    std::vector<ExpressionPtr> children;
    AddChild<AndNode>(std::move(first), children);
    while (Accept(Token::Kind::kAnd)) AddChild<AndNode>(Negation(), children);
    return Make(AndNode{std::move(children)});
  }

  ExpressionPtr Negation() {
    if (++depth_ > kMaxQueryDepth) Fail(lexer_.next(), fmt::format("at most {} levels of nesting", kMaxQueryDepth));
    ExpressionPtr expression;
    if (Accept(Token::Kind::kNot)) {
      expression = Make(NotNode{Negation()});
    } else if (Accept(Token::Kind::kOpen)) {
      expression = Disjunction();
      if (!Accept(Token::Kind::kClose)) Fail(lexer_.next(), "\"and\", \"or\" or \")\"", true);
    } else {
      expression = Primitive();
    }
    depth_--;
    return expression;
  }

  ExpressionPtr Primitive() {
    const Token first = lexer_.next();
    if (first.kind != Token::Kind::kWord) Fail(first, "a primitive such as \"host 10.1.2.3\" or \"port 443\"");
    if (AcceptWord("vlan")) return Tag<VlanTerm, uint16_t>("VLAN id", kMaxVlan);
    if (AcceptWord("mpls")) return Tag<MplsTerm, uint32_t>("MPLS label", kMaxMpls);
    if (AcceptWord("before")) return Make(TimeTerm{{kMinTimestamp, Time()}});
    if (AcceptWord("after")) return Make(TimeTerm{{Time(), kMaxTimestamp}});
    if (AcceptWord("between")) return Between(first);
    return Qualified(first);
  }

  template <class Term, class Number>
  ExpressionPtr Tag(const char* what, uint32_t max) {
    const Token& next = lexer_.next();
    if (next.kind != Token::Kind::kWord || !IsDigit(next.text[0])) return Make(Term{});
    const auto number = ParseNumber(next.text, max);
    if (!number) Fail(next, fmt::format("a {} from 0 to {}", what, max));
    lexer_.Take();
    return Make(Term{static_cast<Number>(*number)});
  }

  ExpressionPtr Between(const Token& first) {
    const Timestamp begin = Time();
    if (!Accept(Token::Kind::kAnd)) Fail(lexer_.next(), "\"and\" and a second time");
    const Token second = lexer_.next();
    const Timestamp end = Time();
    if (begin > end) Fail(second, fmt::format("a time that is not before the first one of \"{}\"", first.text));
    return Make(TimeTerm{{begin, end}});
  }

  Timestamp Time() {
    const std::string expected = "a time such as 2026-11-24T02:10:00Z or 45m ago";
    const Token word = TakeWord(expected);
    if (AcceptWord("ago")) {
      const auto duration = ParseDuration(word.text);
      if (!duration) Fail(word, "a duration such as 90s, 45m or 1h30m before \"ago\"");
      return options_.now.time_since_epoch() < *duration ? Timestamp{} : options_.now - *duration;
    }
    std::string text(word.text);
    const Token& next = lexer_.next();
    const bool clock_follows =
        next.kind == Token::Kind::kWord && IsDigit(next.text[0]) && next.text.find(':') != std::string_view::npos;
    if (LooksLikeDate(text) && clock_follows) text += "T" + std::string(lexer_.Take().text);
    const auto time = ParseTime(text);
    if (!time) Fail(word, expected);
    return *time;
  }

  // [protocol] [src|dst] [host|net|port|portrange|proto] operand, or a protocol alone, or an operand alone.
  ExpressionPtr Qualified(const Token& first) {
    Qualifiers qualifiers;
    if (FamilyOf(first.text) || TransportOf(first.text) || first.text == "icmp" || first.text == "icmp6") {
      qualifiers.protocol = lexer_.Take().text;
    }
    const bool sided = TakeSide(qualifiers);
    const bool typed = TakeType(qualifiers);
    const bool has_operand =
        typed || sided || (lexer_.next().kind == Token::Kind::kWord && IsOperand(lexer_.next().text));
    if (!qualifiers.protocol.empty() && !has_operand) return Alone(qualifiers.protocol);
    if (qualifiers.protocol.empty() && !sided && !typed) {
      if (last_.type == Qualifiers::Type::kNone || !IsOperand(first.text) || !OperandFits(first.text)) {
        return BareOperand(first);
      }
      return Operand(last_);
    }
    if (!typed) qualifiers.type = Qualifiers::Type::kHost;
    last_ = qualifiers;
    return Operand(qualifiers);
  }

  // Whether the word can be what the qualifiers before it asked for.
  bool OperandFits(std::string_view word) const {
    return IsDigit(word[0]) || word.find(':') != std::string_view::npos || last_.type == Qualifiers::Type::kProto;
  }

  ExpressionPtr BareOperand(const Token& word) {
    const bool is_address = IsOperand(word.text) && ParseNetworkAddress(word.text.substr(0, word.text.find('/'))) &&
                            word.text.find_first_of(".:") != std::string_view::npos;
    if (!is_address) Fail(word, "a primitive such as \"host 10.1.2.3\" or \"port 443\"", true);
    Qualifiers qualifiers;
    qualifiers.type = word.text.find('/') == std::string_view::npos ? Qualifiers::Type::kHost : Qualifiers::Type::kNet;
    last_ = qualifiers;
    return Operand(qualifiers);
  }

  bool TakeSide(Qualifiers& qualifiers) {
    const bool source = AcceptWord("src");
    if (!source && !AcceptWord("dst")) return false;
    qualifiers.side = source ? Side::kSource : Side::kDestination;
    // "src or dst" and "src and dst" are one qualifier: an operand can't follow "src" with an operator in between.
    const Token::Kind next = lexer_.next().kind;
    if (next != Token::Kind::kAnd && next != Token::Kind::kOr) return true;
    const std::string_view other = source ? "dst" : "src";
    lexer_.Take();
    if (!AcceptWord(other)) Fail(lexer_.next(), fmt::format("\"{}\"", other));
    qualifiers.side = next == Token::Kind::kAnd ? Side::kBoth : Side::kEither;
    return true;
  }

  bool TakeType(Qualifiers& qualifiers) {
    using Type = Qualifiers::Type;
    constexpr std::array<std::pair<std::string_view, Type>, 5> kTypes = {{{"host", Type::kHost},
                                                                          {"net", Type::kNet},
                                                                          {"port", Type::kPort},
                                                                          {"portrange", Type::kPortRange},
                                                                          {"proto", Type::kProto}}};
    for (const auto& [word, type] : kTypes) {
      if (!AcceptWord(word)) continue;
      qualifiers.type = type;
      return true;
    }
    return false;
  }

  static ExpressionPtr Alone(std::string_view protocol) {
    if (protocol == "ip") return Make(EtherTypeTerm{kEtherTypeIp});
    if (protocol == "ip6") return Make(EtherTypeTerm{kEtherTypeIp6});
    if (protocol == "arp") return Make(EtherTypeTerm{kEtherTypeArp});
    if (protocol == "rarp") return Make(EtherTypeTerm{kEtherTypeRarp});
    if (protocol == "icmp") return Make(ProtocolTerm{Family::kIp, 1});
    if (protocol == "icmp6") return Make(ProtocolTerm{Family::kIp6, 58});
    return Make(ProtocolTerm{Family::kAny, *ParseProtocol(protocol)});
  }

  ExpressionPtr Operand(const Qualifiers& qualifiers) {
    switch (qualifiers.type) {
      case Qualifiers::Type::kPort:
      case Qualifiers::Type::kPortRange:
        return Ports(qualifiers);
      case Qualifiers::Type::kProto:
        return Protocol(qualifiers);
      case Qualifiers::Type::kNet:
        return Net(qualifiers);
      default:
        return Host(qualifiers);
    }
  }

  Family FamilyFor(const Qualifiers& qualifiers, const char* what) {
    if (qualifiers.protocol.empty()) return Family::kAny;
    const auto family = FamilyOf(qualifiers.protocol);
    if (!family)
      Fail(lexer_.next(),
           fmt::format("no {} after \"{}\": only ip, ip6, arp and rarp have them", what, qualifiers.protocol));
    return *family;
  }

  ExpressionPtr Host(const Qualifiers& qualifiers) {
    const Family family = FamilyFor(qualifiers, "addresses");
    const std::string expected = "an IPv4 or IPv6 address";
    const Token word = TakeWord(expected);
    // As in tcpdump, "src 10.0.0.0/8" is a net.
    if (word.text.find('/') != std::string_view::npos) return NetOf(word, family, qualifiers.side);
    const auto address = ParseIpAddress(word.text);
    if (!address) Fail(word, expected, true);
    return HostOrNet(family, qualifiers.side, {*address, static_cast<uint8_t>(address->size() * 8)}, word);
  }

  ExpressionPtr Net(const Qualifiers& qualifiers) {
    const Family family = FamilyFor(qualifiers, "networks");
    return NetOf(TakeWord("a network such as 10.0.0.0/8"), family, qualifiers.side);
  }

  ExpressionPtr NetOf(const Token& word, Family family, Side side) {
    const size_t slash = word.text.find('/');
    auto network = ParseNetworkAddress(word.text.substr(0, slash));
    if (!network) Fail(word, "a network such as 10.0.0.0/8 or 2001:db8::/32", true);
    if (slash != std::string_view::npos) {
      SetPrefix(*network, word, word.text.substr(slash + 1));
    } else if (AcceptWord("mask")) {
      SetPrefix(*network, lexer_.next(), TakeWord("a network mask such as 255.255.0.0").text);
    }
    const Address base = WithoutHostBits(*network);
    if (base != network->base) {
      const Network meant{base, network->prefix_length};
      Fail(word, fmt::format("a network without host bits, which would be {}", FormatNetwork(meant)));
    }
    return HostOrNet(family, side, *network, word);
  }

  static void SetPrefix(Network& network, const Token& at, std::string_view text) {
    const auto bits = static_cast<uint32_t>(network.base.size() * 8);
    if (const auto length = ParseNumber(text, bits)) {
      network.prefix_length = static_cast<uint8_t>(*length);
    } else if (const auto mask = ParseMask(text, network.base.kind)) {
      network.prefix_length = *mask;
    } else {
      Fail(at, fmt::format("a prefix length from 0 to {} or a contiguous mask", bits));
    }
  }

  static ExpressionPtr HostOrNet(Family family, Side side, const Network& network, const Token& at) {
    const bool v6 = network.base.kind == AddressKind::kIpv6;
    if (family == Family::kIp6 && !v6) Fail(at, "an IPv6 address after \"ip6\"");
    if (family != Family::kIp6 && family != Family::kAny && v6) Fail(at, "an IPv4 address");
    return Make(HostTerm{family, side, network});
  }

  ExpressionPtr Ports(const Qualifiers& qualifiers) {
    const bool range = qualifiers.type == Qualifiers::Type::kPortRange;
    const std::string expected = range ? "a range of ports such as 6000-6063" : "a port number 0 to 65535";
    PortTerm term;
    term.side = qualifiers.side;
    if (!qualifiers.protocol.empty()) {
      const auto transport = TransportOf(qualifiers.protocol);
      if (!transport)
        Fail(lexer_.next(),
             fmt::format("no ports after \"{}\": only tcp, udp, sctp and udplite have them", qualifiers.protocol));
      term.transport = *transport;
    }
    const Token word = TakeWord(expected);
    const size_t dash = range ? word.text.find('-') : std::string_view::npos;
    const auto first = ParseNumber(word.text.substr(0, dash), 65535);
    const auto last = dash == std::string_view::npos ? first : ParseNumber(word.text.substr(dash + 1), 65535);
    if (!first || !last || *first > *last) Fail(word, expected);
    term.first = static_cast<uint16_t>(*first);
    term.last = static_cast<uint16_t>(*last);
    return Make(term);
  }

  ExpressionPtr Protocol(const Qualifiers& qualifiers) {
    const std::string expected = "an IP protocol: a number from 0 to 255 or a name such as tcp";
    const std::string_view family = qualifiers.protocol;
    if (qualifiers.side != Side::kEither) Fail(lexer_.next(), "\"proto\" without \"src\" or \"dst\"");
    if (!family.empty() && family != "ip" && family != "ip6")
      Fail(lexer_.next(), "\"proto\" after \"ip\" or \"ip6\" only");
    const Token word = TakeWord(expected);
    const auto protocol = ParseProtocol(word.text);
    if (!protocol) Fail(word, expected);
    return Make(ProtocolTerm{family.empty() ? Family::kAny : *FamilyOf(family), *protocol});
  }

  Lexer lexer_;
  const ParseOptions& options_;
  Qualifiers last_;
  size_t depth_ = 0;
};

}  // namespace

std::string ParseError::what() const {
  std::string text = fmt::format("column {}: found {}, expected {}", column,
                                 found.empty() ? "the end" : "\"" + found + "\"", expected);
  if (!suggestion.empty()) text += fmt::format("; did you mean \"{}\"?", suggestion);
  return text;
}

tl::expected<ExpressionPtr, ParseError> ParseQuery(std::string_view text, const ParseOptions& options) {
  if (text.size() > kMaxQueryLength) {
    return tl::unexpected(
        ParseError{kMaxQueryLength + 1, "more", fmt::format("at most {} bytes", kMaxQueryLength), ""});
  }
  try {
    return Parser(text, options).Parse();
  } catch (const Problem& problem) {
    return tl::unexpected(problem.error);
  }
}

}  // namespace dashcap
