#include "query/language/parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "base/nearest_word.h"
#include "query/language/comparison.h"
#include "query/language/lexer.h"
#include "query/language/names.h"
#include "query/language/operands.h"
#include "query/language/packet_primitive.h"
#include "query/language/ports.h"
#include "query/language/syntax_error.h"

namespace dashcap {
namespace {

constexpr uint16_t kEtherTypeIp = 0x0800;
constexpr uint16_t kEtherTypeIp6 = 0x86dd;
constexpr uint32_t kMaxVlan = 4095;
constexpr uint32_t kMaxMpls = (1 << 20) - 1;

constexpr std::array<std::string_view, 52> kKeywords = {
    "host",  "net",     "port",  "portrange", "proto",   "protochain", "src",   "dst",  "ip",   "ip6",  "arp",
    "rarp",  "tcp",     "udp",   "sctp",      "udplite", "icmp",       "icmp6", "vlan", "mpls", "mask", "before",
    "after", "between", "and",   "or",        "not",     "ago",        "igmp",  "igrp", "pim",  "vrrp", "carp",
    "ah",    "esp",     "ether", "link",      "fddi",    "tr",         "wlan",  "ra",   "ta",   "len",  "gateway",
    "addr1", "addr2",   "addr3", "addr4",     "decnet",  "lat",        "moprc", "mopdl"};

// Words that are primitives by themselves.
struct ProtocolWord {
  std::string_view word;
  Family family;
  uint8_t protocol;
};
constexpr std::array<ProtocolWord, 13> kProtocolWords = {{{"tcp", Family::kAny, 6},
                                                          {"udp", Family::kAny, 17},
                                                          {"sctp", Family::kAny, 132},
                                                          {"udplite", Family::kAny, 136},
                                                          {"icmp", Family::kIp, 1},
                                                          {"icmp6", Family::kIp6, 58},
                                                          {"igmp", Family::kIp, 2},
                                                          {"igrp", Family::kIp, 9},
                                                          {"vrrp", Family::kIp, 112},
                                                          {"carp", Family::kIp, 112},
                                                          {"pim", Family::kAny, 103},
                                                          {"ah", Family::kAny, 51},
                                                          {"esp", Family::kAny, 50}}};

struct EtherTypeWord {
  std::string_view word;
  uint16_t type;
};
constexpr std::array<EtherTypeWord, 10> kEtherTypeWords = {{{"ip", 0x0800},
                                                            {"ip6", 0x86dd},
                                                            {"arp", 0x0806},
                                                            {"rarp", 0x8035},
                                                            {"mopdl", 0x6001},
                                                            {"moprc", 0x6002},
                                                            {"decnet", 0x6003},
                                                            {"lat", 0x6004},
                                                            {"sca", 0x6007},
                                                            {"loopback", 0x9000}}};

// Values of `ether proto` that libpcap looks for in LLC headers too.
constexpr std::array<EtherTypeWord, 6> kLlcWords = {
    {{"aarp", 0x80f3}, {"atalk", 0x809b}, {"iso", 0xfe}, {"stp", 0x42}, {"ipx", 0xe0}, {"netbeui", 0xf0}}};

constexpr std::array<std::pair<std::string_view, uint8_t>, 3> kOsiProtocols = {
    {{"clnp", 0x81}, {"esis", 0x82}, {"isis", 0x83}}};

// What stands before an operand: `tcp src port`. Remembered for `port 80 or 443`.
struct Qualifiers {
  enum class Type { kNone, kHost, kNet, kPort, kPortRange, kProto, kProtoChain };
  std::string_view protocol;  // the word, "" for none
  std::string_view address;   // of 802.11: "addr1", "ra", …
  Side side = Side::kEither;
  Type type = Type::kNone;
};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// tcpdump wants names that are keywords escaped.
std::string_view Unescaped(std::string_view text) { return text.starts_with('\\') ? text.substr(1) : text; }

std::optional<uint8_t> ParseProtocol(std::string_view text) {
  if (const auto known = FindProtocol(Unescaped(text))) return known;
  const auto number = ParseNumber(text, std::numeric_limits<uint8_t>::max());
  return number ? std::optional(static_cast<uint8_t>(*number)) : std::nullopt;
}

template <class Table>
std::optional<uint16_t> FindWord(const Table& table, std::string_view word) {
  for (const auto& [known, value] : table) {
    if (word == known) return value;
  }
  return std::nullopt;
}

std::optional<uint16_t> ParseEtherType(std::string_view text) {
  const std::string_view word = Unescaped(text);
  if (const auto known = FindWord(kEtherTypeWords, word)) return known;
  if (const auto known = FindWord(kLlcWords, word)) return known;
  const auto number = ParseNumber(text, std::numeric_limits<uint16_t>::max());
  return number ? std::optional(static_cast<uint16_t>(*number)) : std::nullopt;
}

// Names of libpcap for whatever the link layer is.
bool IsLinkWord(std::string_view word) {
  return word == "ether" || word == "link" || word == "fddi" || word == "tr" || word == "wlan";
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

bool LooksLikeDate(std::string_view text) {
  return text.size() == 10 && IsDigit(text[0]) && text[4] == '-' && text[7] == '-';
}

bool IsKeyword(std::string_view word) {
  const auto primitives = PacketPrimitives();
  return std::find(kKeywords.begin(), kKeywords.end(), word) != kKeywords.end() ||
         std::find(primitives.begin(), primitives.end(), word) != primitives.end();
}

bool IsOperand(std::string_view word) { return !word.empty() && !IsKeyword(word); }

std::string_view NearestKeyword(std::string_view written) {
  std::vector<std::string_view> words(kKeywords.begin(), kKeywords.end());
  words.insert(words.end(), PacketPrimitives().begin(), PacketPrimitives().end());
  return NearestWord(written, words);
}

template <class Term>
ExpressionPtr Make(Term term) {
  return MakeExpression(std::move(term));
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

// Recursive descent.
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
    const bool misspelt = suggest && at.kind == Token::Kind::kWord;
    ThrowSyntaxError(at, std::move(expected), misspelt ? NearestKeyword(at.text) : "");
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
    } else if (lexer_.next().kind == Token::Kind::kOpen && !AtComparison(lexer_)) {
      lexer_.Take();
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
    if (AtComparison(lexer_)) return PacketPrimitive(first, TakeComparison(lexer_));
    if (first.kind != Token::Kind::kWord) Fail(first, "a primitive such as \"host 10.1.2.3\" or \"port 443\"");
    if (AcceptWord("vlan")) return Tag<VlanTerm, uint16_t>("VLAN id", kMaxVlan);
    if (AcceptWord("mpls")) return Tag<MplsTerm, uint32_t>("MPLS label", kMaxMpls);
    if (AcceptWord("before")) return Make(TimeTerm{{kMinTimestamp, Time()}});
    if (AcceptWord("after")) return Make(TimeTerm{{Time(), kMaxTimestamp}});
    if (AcceptWord("between")) return Between(first);
    if (first.text == "iso" || first.text == "isis") {
      Lexer ahead = lexer_;
      ahead.Take();
      if (ahead.next().text == "proto") return OsiProtocol(first);
    }
    if (auto primitive = TakePacketPrimitive(lexer_)) {
      CountPacketTerm(first);
      return primitive;
    }
    return Qualified(first);
  }

  void CountPacketTerm(const Token& at) {
    if (++packet_terms_ > kMaxPacketTerms) {
      Fail(at, fmt::format("at most {} primitives that packets have to be asked", kMaxPacketTerms));
    }
  }

  ExpressionPtr PacketPrimitive(const Token& at, PacketTerm term) {
    CountPacketTerm(at);
    return MakePacketTerm(at, std::move(term));
  }

  ExpressionPtr OsiProtocol(const Token& first) {
    lexer_.Take();
    lexer_.Take();
    const Token word = TakeWord("an OSI protocol: a number, clnp, esis or isis");
    auto protocol = FindWord(kOsiProtocols, Unescaped(word.text));
    if (!protocol) protocol = ParseNumber(word.text, 255);
    if (!protocol) Fail(word, "an OSI protocol: a number from 0 to 255, clnp, esis or isis");
    return PacketPrimitive(first, {fmt::format("{} proto {}", first.text, *protocol), nullptr});
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

  // [protocol] [src|dst] [host|net|port|portrange|proto|protochain] operand, or a protocol alone, or an operand alone.
  ExpressionPtr Qualified(const Token& first) {
    Qualifiers qualifiers;
    if (IsProtocolWord(first.text)) qualifiers.protocol = lexer_.Take().text;
    if (auto cast = Cast(first, qualifiers.protocol)) return cast;
    const bool sided = TakeSide(qualifiers);
    const bool typed = TakeType(qualifiers);
    const Token next = lexer_.next();
    const bool group = (typed || sided) && (next.kind == Token::Kind::kOpen || next.kind == Token::Kind::kNot);
    const bool has_operand = typed || sided || (next.kind == Token::Kind::kWord && IsOperand(next.text));
    if (!qualifiers.protocol.empty() && !has_operand) return Alone(first);
    if (qualifiers.protocol.empty() && !sided && !typed) {
      if (last_.type == Qualifiers::Type::kNone || !IsOperand(first.text) || !OperandFits(first.text)) {
        return BareOperand(first);
      }
      return Operand(last_);
    }
    if (!typed) qualifiers.type = Qualifiers::Type::kHost;
    last_ = qualifiers;
    return group ? Negation() : Operand(qualifiers);
  }

  static bool IsProtocolWord(std::string_view word) {
    const auto named = [word](const ProtocolWord& known) { return known.word == word; };
    return IsLinkWord(word) || FindWord(kEtherTypeWords, word) ||
           std::any_of(kProtocolWords.begin(), kProtocolWords.end(), named);
  }

  // `ether broadcast`, `ip multicast`; nullptr when it isn't one.
  ExpressionPtr Cast(const Token& first, std::string_view protocol) {
    const Token word = lexer_.next();
    if (protocol.empty() || (word.text != "broadcast" && word.text != "multicast")) return nullptr;
    const bool multicast = lexer_.Take().text == "multicast";
    if (IsLinkWord(protocol)) return PacketPrimitive(first, {std::string(word.text), nullptr});
    if (protocol == "ip" && multicast) return Make(HostTerm{Family::kIp, Side::kDestination, {Ipv4(224, 0, 0, 0), 3}});
    if (protocol == "ip") {
      const Network zeros{Ipv4(0, 0, 0, 0), 32};
      const Network ones{Ipv4(255, 255, 255, 255), 32};
      return Make(OrNode{{Make(HostTerm{Family::kIp, Side::kDestination, zeros}),
                          Make(HostTerm{Family::kIp, Side::kDestination, ones})}});
    }
    if (protocol == "ip6" && multicast) {
      Network network{{}, 8};
      network.base.kind = AddressKind::kIpv6;
      network.base.bytes[0] = 0xff;
      return Make(HostTerm{Family::kIp6, Side::kDestination, network});
    }
    Fail(word, fmt::format("no \"{}\" after \"{}\": only ether and ip have broadcasts, and ip6 multicasts too",
                           word.text, protocol));
  }

  static Address Ipv4(uint8_t a, uint8_t b, uint8_t c, uint8_t d) {
    return Address::Ipv4(std::array<uint8_t, 4>{a, b, c, d});
  }

  // Whether the word can be what the qualifiers before it asked for.
  bool OperandFits(std::string_view word) const {
    if (IsDigit(word[0]) || word.find(':') != std::string_view::npos) return true;
    switch (last_.type) {
      case Qualifiers::Type::kPort:
      case Qualifiers::Type::kPortRange:
        return FindService(word.substr(0, word.find('-'))) || FindService(word);
      case Qualifiers::Type::kProto:
      case Qualifiers::Type::kProtoChain:
        return word[0] == '\\' || ParseProtocol(word) || ParseEtherType(word);
      default:
        return IsLinkWord(last_.protocol) && ParseMac(word);
    }
  }

  ExpressionPtr BareOperand(const Token& word) {
    if (word.text == "gateway") {
      Fail(word,
           "\"ether host MAC and not host ADDRESS\" instead: a gateway's addresses would have to be looked up by its "
           "name, which a recorder doesn't do");
    }
    const bool is_address = IsOperand(word.text) && ParseNetworkAddress(word.text.substr(0, word.text.find('/'))) &&
                            word.text.find_first_of(".:") != std::string_view::npos;
    if (!is_address) Fail(word, "a primitive such as \"host 10.1.2.3\" or \"port 443\"", true);
    Qualifiers qualifiers;
    qualifiers.type = word.text.find('/') == std::string_view::npos ? Qualifiers::Type::kHost : Qualifiers::Type::kNet;
    last_ = qualifiers;
    return Operand(qualifiers);
  }

  bool TakeSide(Qualifiers& qualifiers) {
    constexpr std::array<std::string_view, 6> kWlanAddresses = {"ra", "ta", "addr1", "addr2", "addr3", "addr4"};
    for (const std::string_view address : kWlanAddresses) {
      if (!IsLinkWord(qualifiers.protocol) || !AcceptWord(address)) continue;
      qualifiers.address = address;
      return true;
    }
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
    constexpr std::array<std::pair<std::string_view, Type>, 6> kTypes = {{{"host", Type::kHost},
                                                                          {"net", Type::kNet},
                                                                          {"port", Type::kPort},
                                                                          {"portrange", Type::kPortRange},
                                                                          {"proto", Type::kProto},
                                                                          {"protochain", Type::kProtoChain}}};
    for (const auto& [word, type] : kTypes) {
      if (!AcceptWord(word)) continue;
      qualifiers.type = type;
      return true;
    }
    return false;
  }

  ExpressionPtr Alone(const Token& word) {
    if (const auto type = FindWord(kEtherTypeWords, word.text)) return Make(EtherTypeTerm{*type});
    for (const ProtocolWord& known : kProtocolWords) {
      if (word.text == known.word) return Make(ProtocolTerm{known.family, known.protocol});
    }
    Fail(lexer_.next(), fmt::format("\"host\", \"src\", \"dst\", \"proto\", \"broadcast\", \"multicast\" or [bytes] "
                                    "after \"{}\"",
                                    word.text));
  }

  ExpressionPtr Operand(const Qualifiers& qualifiers) {
    switch (qualifiers.type) {
      case Qualifiers::Type::kPort:
      case Qualifiers::Type::kPortRange:
        return Ports(qualifiers);
      case Qualifiers::Type::kProto:
      case Qualifiers::Type::kProtoChain:
        return Protocol(qualifiers);
      default:
        if (IsLinkWord(qualifiers.protocol)) return Mac(qualifiers);
        if (qualifiers.protocol == "decnet") return DecnetHost(qualifiers);
        return qualifiers.type == Qualifiers::Type::kNet ? Net(qualifiers) : Host(qualifiers);
    }
  }

  static const char* TextOf(Side side) {
    switch (side) {
      case Side::kEither:
        break;
      case Side::kSource:
        return "src ";
      case Side::kDestination:
        return "dst ";
      case Side::kBoth:
        return "src and dst ";
    }
    return "";
  }

  ExpressionPtr Mac(const Qualifiers& qualifiers) {
    const std::string expected = "a MAC address such as 02:00:00:00:00:01 (names are not looked up on a recorder)";
    if (qualifiers.type == Qualifiers::Type::kNet)
      Fail(lexer_.next(), "\"host\": there are no networks of MAC addresses");
    const Token word = TakeWord(expected);
    const auto mac = ParseMac(word.text);
    if (!mac) Fail(word, expected);
    const std::string text = FormatAddress(*mac);
    if (!qualifiers.address.empty()) {
      return PacketPrimitive(word, {fmt::format("wlan {} {}", qualifiers.address, text), nullptr});
    }
    return PacketPrimitive(word, {fmt::format("ether {}host {}", TextOf(qualifiers.side), text), nullptr});
  }

  ExpressionPtr DecnetHost(const Qualifiers& qualifiers) {
    const Token word = TakeWord("a DECnet address such as 10.123");
    const size_t dot = word.text.find('.');
    const auto area = ParseNumber(word.text.substr(0, dot), 63);
    const auto node = dot == std::string_view::npos ? std::nullopt : ParseNumber(word.text.substr(dot + 1), 1023);
    if (!area || !node || qualifiers.type == Qualifiers::Type::kNet) Fail(word, "a DECnet host such as 10.123");
    const std::string text = fmt::format("decnet {}host {}.{}", TextOf(qualifiers.side), *area, *node);
    return PacketPrimitive(word, {text, Make(EtherTypeTerm{0x6003})});
  }

  Family FamilyFor(const Qualifiers& qualifiers, const char* what) {
    if (qualifiers.protocol.empty()) return Family::kAny;
    const auto family = FamilyOf(qualifiers.protocol);
    if (!family)
      Fail(lexer_.next(),
           fmt::format("no {} after \"{}\": only ip, ip6, arp and rarp have them", what, qualifiers.protocol), true);
    return *family;
  }

  ExpressionPtr Host(const Qualifiers& qualifiers) {
    const Family family = FamilyFor(qualifiers, "addresses");
    const std::string expected = "an IPv4 or IPv6 address";
    const Token word = TakeWord(expected);
    // As in tcpdump, "src 10.0.0.0/8" is a net, and "host 10.1" too.
    if (word.text.find('/') != std::string_view::npos) return NetOf(word, family, qualifiers.side);
    const auto partial = ParsePartialIpv4(word.text);
    if (partial && partial->prefix_length > 8) return HostOrNet(family, qualifiers.side, *partial, word);
    const auto address = ParseIpAddress(word.text);
    if (address) return HostOrNet(family, qualifiers.side, {*address, static_cast<uint8_t>(address->size() * 8)}, word);
    if (ParseMac(word.text)) Fail(word, expected + "; a MAC address takes \"ether\" before \"host\"");
    Fail(word, expected + " (names are not looked up on a recorder)", true);
  }

  ExpressionPtr Net(const Qualifiers& qualifiers) {
    const Family family = FamilyFor(qualifiers, "networks");
    return NetOf(TakeWord("a network such as 10.0.0.0/8"), family, qualifiers.side);
  }

  ExpressionPtr NetOf(const Token& word, Family family, Side side) {
    const size_t slash = word.text.find('/');
    auto network = ParseNetworkAddress(word.text.substr(0, slash));
    if (!network)
      Fail(word, "a network such as 10.0.0.0/8 or 2001:db8::/32 (names are not looked up on a recorder)", true);
    if (slash != std::string_view::npos) {
      SetPrefix(*network, word, word.text.substr(slash + 1));
    } else if (AcceptWord("mask")) {
      const Token at = lexer_.next();
      const std::string_view text = TakeWord("a network mask such as 255.255.0.0").text;
      const auto mask = ParseMask(text, network->base.kind);
      if (mask && !mask->prefix_length) return ScatteredNet(word, *network, mask->bits, family, side);
      SetPrefix(*network, at, text);
    }
    const Address base = WithoutHostBits(*network);
    if (base != network->base) {
      const Network meant{base, network->prefix_length};
      Fail(word, fmt::format("a network without host bits, which would be {}", FormatNetwork(meant)));
    }
    return HostOrNet(family, side, *network, word);
  }

  // `net 10.0.5.0 mask 255.0.255.0`: flows know networks by their first bits only.
  ExpressionPtr ScatteredNet(const Token& word, const Network& network, const Address& mask, Family family, Side side) {
    if (network.base.kind != AddressKind::kIpv4 || family == Family::kIp6) Fail(word, "a contiguous mask");
    Network leading = network;
    leading.prefix_length = 0;
    while ((mask.bytes[leading.prefix_length / 8] & 0x80 >> leading.prefix_length % 8) != 0) leading.prefix_length++;
    leading.base = WithoutHostBits(leading);
    for (size_t i = 0; i < mask.size(); i++) {
      if ((network.base.bytes[i] & ~mask.bytes[i]) != 0) Fail(word, "a network without bits that the mask leaves out");
    }
    const std::string_view before = family == Family::kIp ? "ip " : family == Family::kArp ? "arp " : "rarp ";
    const std::string text = fmt::format("{}{}net {} mask {}", family == Family::kAny ? "" : before, TextOf(side),
                                         FormatAddress(network.base), FormatAddress(mask));
    return PacketPrimitive(word, {text, Make(HostTerm{family, side, leading})});
  }

  static void SetPrefix(Network& network, const Token& at, std::string_view text) {
    const auto bits = static_cast<uint32_t>(network.base.size() * 8);
    if (const auto length = ParseNumber(text, bits)) {
      network.prefix_length = static_cast<uint8_t>(*length);
    } else if (const auto mask = ParseMask(text, network.base.kind); mask && mask->prefix_length) {
      network.prefix_length = *mask->prefix_length;
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
    PortTerm term;
    term.side = qualifiers.side;
    if (!qualifiers.protocol.empty()) {
      const auto transport = TransportOf(qualifiers.protocol);
      if (!transport)
        Fail(lexer_.next(),
             fmt::format("no ports after \"{}\": only tcp, udp, sctp and udplite have them", qualifiers.protocol));
      term.transport = *transport;
    }
    const Token word = TakeWord(range ? "a range of ports such as 6000-6063" : "a port number 0 to 65535");
    const auto ports = range ? ParsePortRange(word.text) : ParsePort(word.text);
    if (!ports && range) Fail(word, "a range of ports such as 6000-6063");
    if (!ports) {
      ThrowSyntaxError(word, "a port number 0 to 65535 or the name of a service", NearestPortWord(word.text));
    }
    using Transport = PortTerm::Transport;
    if (term.transport == Transport::kAny) {
      term.transport = ports->transport;
    } else if (ports->transport != Transport::kAny && ports->transport != term.transport) {
      Fail(word, fmt::format("a service of {}: this one is of {}", qualifiers.protocol,
                             ports->transport == Transport::kTcp ? "tcp" : "udp"));
    }
    term.first = ports->first;
    term.last = ports->last;
    return Make(term);
  }

  static std::string_view NearestPortWord(std::string_view written) {
    const std::string_view service = NearestService(written);
    return service.empty() ? NearestKeyword(written) : service;
  }

  // Of `proto` and `protochain`.
  ExpressionPtr Protocol(const Qualifiers& qualifiers) {
    const std::string_view family = qualifiers.protocol;
    const bool chain = qualifiers.type == Qualifiers::Type::kProtoChain;
    const char* word = chain ? "protochain" : "proto";
    if (qualifiers.side != Side::kEither || !qualifiers.address.empty())
      Fail(lexer_.next(), fmt::format("\"{}\" without \"src\" or \"dst\"", word));
    if (IsLinkWord(family) && !chain) return EtherType();
    if (!family.empty() && family != "ip" && family != "ip6")
      Fail(lexer_.next(), fmt::format("\"{}\" after \"ip\" or \"ip6\"{} only", word, chain ? "" : " or \"ether\""));
    const std::string expected = "an IP protocol: a number from 0 to 255 or a name such as tcp";
    const Token token = TakeWord(expected);
    const auto protocol = ParseProtocol(token.text);
    if (!protocol) ThrowSyntaxError(token, expected, NearestProtocol(token.text));
    if (!chain) return Make(ProtocolTerm{family.empty() ? Family::kAny : *FamilyOf(family), *protocol});
    PacketTerm term;
    term.filter = fmt::format("{}{}protochain {}", family, family.empty() ? "" : " ", *protocol);
    if (family.empty()) {
      term.necessary = Make(OrNode{{Make(EtherTypeTerm{kEtherTypeIp}), Make(EtherTypeTerm{kEtherTypeIp6})}});
    } else {
      term.necessary = Make(EtherTypeTerm{family == "ip" ? kEtherTypeIp : kEtherTypeIp6});
    }
    return PacketPrimitive(token, std::move(term));
  }

  ExpressionPtr EtherType() {
    const std::string expected = "an EtherType: a number from 0 to 65535 or a name such as arp";
    const Token word = TakeWord(expected);
    const auto type = ParseEtherType(word.text);
    if (!type) Fail(word, expected);
    constexpr uint16_t kFirstType = 0x600;
    const auto same = [&type](const EtherTypeWord& known) { return known.type == *type; };
    const bool also_in_llc = std::any_of(kLlcWords.begin(), kLlcWords.end(), same);
    if (*type >= kFirstType && !also_in_llc) return Make(EtherTypeTerm{*type});
    return PacketPrimitive(word, {fmt::format("ether proto 0x{:04x}", *type), nullptr});
  }

  Lexer lexer_;
  const ParseOptions& options_;
  Qualifiers last_;
  size_t depth_ = 0;
  size_t packet_terms_ = 0;
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
  } catch (const SyntaxError& problem) {
    return tl::unexpected(problem.error);
  }
}

}  // namespace dashcap
