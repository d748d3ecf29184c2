#include "query/language/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <span>

#include "base/nearest_word.h"
#include "query/language/syntax_error.h"

namespace dashcap {
namespace {

// What a packet must be for its bytes to be read under that name; 0: nothing that flows tell.
struct Header {
  std::string_view name;
  uint16_t ether_type = 0;
  uint8_t protocol = 0;
};
constexpr uint16_t kIp = 0x0800;
constexpr uint16_t kIp6 = 0x86dd;
constexpr std::array<Header, 27> kHeaders = {{{"arp", 0x0806},
                                              {"atalk"},
                                              {"carp", kIp, 112},
                                              {"decnet"},
                                              {"ether"},
                                              {"fddi"},
                                              {"icmp", kIp, 1},
                                              {"icmp6", kIp6, 58},
                                              {"igmp", kIp, 2},
                                              {"igrp", kIp, 9},
                                              {"ip", kIp},
                                              {"ip6", kIp6},
                                              {"lat"},
                                              {"link"},
                                              {"mopdl"},
                                              {"moprc"},
                                              {"pim", kIp, 103},
                                              {"ppp"},
                                              {"radio"},
                                              {"rarp", 0x8035},
                                              {"sca"},
                                              {"sctp", kIp, 132},
                                              {"slip"},
                                              {"tcp", kIp, 6},
                                              {"tr"},
                                              {"udp", kIp, 17},
                                              {"vrrp", kIp, 112}}};
constexpr std::string_view kWlan = "wlan";

// Numbers that pcap-filter(7) has names for.
constexpr std::array<std::string_view, 58> kConstants = {"icmptype",
                                                         "icmpcode",
                                                         "icmp6type",
                                                         "icmp6code",
                                                         "tcpflags",
                                                         "icmp-echoreply",
                                                         "icmp-unreach",
                                                         "icmp-sourcequench",
                                                         "icmp-redirect",
                                                         "icmp-echo",
                                                         "icmp-routeradvert",
                                                         "icmp-routersolicit",
                                                         "icmp-timxceed",
                                                         "icmp-paramprob",
                                                         "icmp-tstamp",
                                                         "icmp-tstampreply",
                                                         "icmp-ireq",
                                                         "icmp-ireqreply",
                                                         "icmp-maskreq",
                                                         "icmp-maskreply",
                                                         "icmp6-destinationunreach",
                                                         "icmp6-packettoobig",
                                                         "icmp6-timeexceeded",
                                                         "icmp6-parameterproblem",
                                                         "icmp6-echo",
                                                         "icmp6-echoreply",
                                                         "icmp6-multicastlistenerquery",
                                                         "icmp6-multicastlistenerreportv1",
                                                         "icmp6-multicastlistenerdone",
                                                         "icmp6-routersolicit",
                                                         "icmp6-routeradvert",
                                                         "icmp6-neighborsolicit",
                                                         "icmp6-neighboradvert",
                                                         "icmp6-redirect",
                                                         "icmp6-routerrenum",
                                                         "icmp6-nodeinformationquery",
                                                         "icmp6-nodeinformationresponse",
                                                         "icmp6-ineighbordiscoverysolicit",
                                                         "icmp6-ineighbordiscoveryadvert",
                                                         "icmp6-multicastlistenerreportv2",
                                                         "icmp6-homeagentdiscoveryrequest",
                                                         "icmp6-homeagentdiscoveryreply",
                                                         "icmp6-mobileprefixsolicit",
                                                         "icmp6-mobileprefixadvert",
                                                         "icmp6-certpathsolicit",
                                                         "icmp6-certpathadvert",
                                                         "icmp6-multicastrouteradvert",
                                                         "icmp6-multicastroutersolicit",
                                                         "icmp6-multicastrouterterm",
                                                         "tcp-fin",
                                                         "tcp-syn",
                                                         "tcp-rst",
                                                         "tcp-push",
                                                         "tcp-ack",
                                                         "tcp-urg",
                                                         "tcp-ece",
                                                         "tcp-cwr",
                                                         "len"};
constexpr std::array<std::string_view, 10> kOperators = {"+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>"};
constexpr std::array<std::string_view, 7> kComparisons = {"<", ">", "<=", ">=", "=", "==", "!="};
constexpr size_t kMaxNesting = 100;

template <size_t N>
bool Contains(const std::array<std::string_view, N>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

const Header* FindHeader(std::string_view name) {
  const auto found =
      std::find_if(kHeaders.begin(), kHeaders.end(), [name](const Header& header) { return header.name == name; });
  return found == kHeaders.end() ? nullptr : &*found;
}

// As in C: decimal, 0x hexadecimal, 0 octal.
bool IsNumber(std::string_view text) {
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    base = 16;
    text.remove_prefix(2);
  } else if (text.size() > 1 && text[0] == '0') {
    base = 8;
  }
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  return !text.empty() && error == std::errc{} && end == text.data() + text.size();
}

class ComparisonParser {
 public:
  explicit ComparisonParser(Lexer& lexer) : lexer_(lexer) {}

  PacketTerm Parse() {
    lexer_.Enter(Lexer::Mode::kArithmetic);
    PacketTerm term;
    term.filter = Computed();
    const Token comparison = lexer_.Take();
    if (!Contains(kComparisons, comparison.text)) Fail(comparison, "one of < > <= >= = == != or an operator");
    term.filter += fmt::format(" {} ", comparison.text);
    term.filter += Computed();
    lexer_.Enter(Lexer::Mode::kPrimitives);
    term.necessary = Necessary();
    return term;
  }

 private:
  [[noreturn]] static void Fail(const Token& at, std::string expected) { ThrowSyntaxError(at, std::move(expected)); }

  std::string Computed() {
    std::string text = Operand();
    while (Contains(kOperators, lexer_.next().text)) {
      text += fmt::format(" {} ", lexer_.Take().text);
      text += Operand();
    }
    return text;
  }

  std::string Operand() {
    if (++nesting_ > kMaxNesting) Fail(lexer_.next(), fmt::format("at most {} levels of nesting", kMaxNesting));
    const Token token = lexer_.Take();
    std::string text(token.text);
    if (token.kind == Token::Kind::kOpen) {
      text += Computed();
      text += Close(Token::Kind::kClose, ")");
    } else if (token.text == "-") {
      text += Operand();
    } else if (lexer_.next().text == "[") {
      text = Bytes(token);
    } else if (token.kind != Token::Kind::kWord || !(IsNumber(token.text) || Contains(kConstants, token.text))) {
      FailOperand(token);
    }
    nesting_--;
    return text;
  }

  [[noreturn]] static void FailOperand(const Token& token) {
    const std::string expected = "a number up to 4294967295, \"len\", or bytes such as tcp[13]";
    ThrowSyntaxError(token, expected, token.text.empty() ? "" : NearestWord(token.text, kConstants));
  }

  std::string Bytes(const Token& name) {
    const Header* header = FindHeader(name.text);
    if (!header && name.text != kWlan) {
      std::vector<std::string_view> names;
      for (const Header& known : kHeaders) names.push_back(known.name);
      ThrowSyntaxError(name, "the name of a header before \"[\", such as ip, tcp or ether",
                       NearestWord(name.text, names));
    }
    if (header && header->ether_type != 0) headers_.push_back(header);
    lexer_.Take();
    std::string text = fmt::format("{}[{}", name.text, Computed());
    if (lexer_.next().text == ":") {
      lexer_.Take();
      const Token size = lexer_.Take();
      if (size.text != "1" && size.text != "2" && size.text != "4") Fail(size, "a size of 1, 2 or 4 bytes");
      text += fmt::format(":{}", size.text);
    }
    text += Close(Token::Kind::kWord, "]");
    return text;
  }

  std::string Close(Token::Kind kind, std::string_view sign) {
    const Token token = lexer_.Take();
    if (token.kind != kind || token.text != sign) Fail(token, fmt::format("an operator or \"{}\"", sign));
    return std::string(sign);
  }

  ExpressionPtr Necessary() const {
    std::vector<ExpressionPtr> all;
    for (const Header* header : headers_) {
      const Family family = header->ether_type == kIp ? Family::kIp : Family::kIp6;
      ExpressionPtr term = header->protocol != 0 ? MakeExpression(ProtocolTerm{family, header->protocol})
                                                 : MakeExpression(EtherTypeTerm{header->ether_type});
      const auto same = [&term](const ExpressionPtr& other) { return SameTree(*term, *other); };
      if (std::none_of(all.begin(), all.end(), same)) all.push_back(std::move(term));
    }
    if (all.size() <= 1) return all.empty() ? nullptr : all.front();
    return MakeExpression(AndNode{std::move(all)});
  }

  Lexer& lexer_;
  size_t nesting_ = 0;
  std::vector<const Header*> headers_;
};

}  // namespace

bool AtComparison(const Lexer& lexer) {
  const Token& first = lexer.next();
  if (!lexer.AtComparison()) return false;
  if (first.kind == Token::Kind::kOpen) return true;
  return lexer.AtBytes() || IsDigit(first.text[0]) || first.text[0] == '-' || Contains(kConstants, first.text);
}

PacketTerm TakeComparison(Lexer& lexer) { return ComparisonParser(lexer).Parse(); }

}  // namespace dashcap
