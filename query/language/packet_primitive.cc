#include "query/language/packet_primitive.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "packet/filter_program.h"
#include "query/language/operands.h"
#include "query/language/syntax_error.h"

namespace dashcap {
namespace {

constexpr uint32_t kMaxNumber = std::numeric_limits<uint32_t>::max();

struct Primitive {
  enum class Operand { kNone, kNumber, kOptionalNumber, kComparedNumber, kName, kOptionalName, kFrameType };
  std::string_view word;
  Operand operand = Operand::kNone;
  std::string_view filter = {};  // what libpcap calls it, if not by the same word
  uint32_t max = kMaxNumber;
  uint16_t ether_type = 0;  // that its packets have; 0: flows don't tell
};
using enum Primitive::Operand;

constexpr auto kPrimitives = std::to_array<Primitive>({
    {"aarp"},
    {"action", kName},
    {"atalk"},
    {"bcc"},
    {"broadcast"},
    {"clnp"},
    {"connectmsg"},
    {"csnp"},
    {"dir", kName},
    {"dpc", kNumber},
    {"es-is", kNone, "esis"},
    {"esis"},
    {"fisu"},
    {"geneve", kOptionalNumber, {}, (1 << 24) - 1},
    {"greater", kNumber, "len >="},
    {"hdpc", kNumber},
    {"hfisu"},
    {"hlssu"},
    {"hmsu"},
    {"hopc", kNumber},
    {"hsio", kNumber},
    {"hsls", kNumber},
    {"ifname", kName},
    {"iih"},
    {"ilmic"},
    {"inbound"},
    {"ipx"},
    {"is-is", kNone, "isis"},
    {"isis"},
    {"iso"},
    {"l1"},
    {"l2"},
    {"lane"},
    {"less", kNumber, "len <="},
    {"llc", kOptionalName},
    {"lsp"},
    {"lsssu", kNone, "lssu"},
    {"lssu"},
    {"metac"},
    {"metaconnect"},
    {"msu"},
    {"multicast"},
    {"netbeui"},
    {"oam"},
    {"oamf4"},
    {"oamf4e", kNone, "oamf4ec"},
    {"oamf4ec"},
    {"oamf4s", kNone, "oamf4sc"},
    {"oamf4sc"},
    {"on", kName, "ifname"},
    {"opc", kNumber},
    {"outbound"},
    {"pppoed", kNone, {}, 0, 0x8863},
    {"pppoes", kOptionalNumber, {}, 0xffff, 0x8864},
    {"psnp"},
    {"reason", kName},
    {"rnr", kNumber},
    {"rset", kName},
    {"ruleset", kName, "rset"},
    {"rulenum", kNumber, "rnr"},
    {"sc"},
    {"sio", kNumber},
    {"sls", kNumber},
    {"snp"},
    {"srnr", kNumber},
    {"stp"},
    {"subrulenum", kNumber, "srnr"},
    {"subtype", kName},
    {"type", kFrameType},
    {"vci", kComparedNumber},
    {"vpi", kComparedNumber},
});

// libpcap's names of LLC types, all that may follow `llc`.
constexpr std::array<std::string_view, 13> kLlcTypes = {"i",  "s",    "u",     "rr",   "rnr", "rej", "ui",
                                                        "ua", "disc", "sabme", "test", "xid", "frmr"};
constexpr std::array<std::string_view, 7> kComparisons = {"<", ">", "<=", ">=", "=", "==", "!="};

// Nothing that could be more than one word to libpcap.
bool IsName(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  });
}

std::string TakeNumber(Lexer& lexer, const Primitive& primitive) {
  const Token token = lexer.Take();
  const auto number = ParseNumber(token.text, primitive.max);
  if (!number)
    ThrowSyntaxError(token, fmt::format("a number from 0 to {} after \"{}\"", primitive.max, primitive.word));
  return fmt::format(" {}", *number);
}

std::string TakeName(Lexer& lexer, std::string_view word) {
  const Token token = lexer.Take();
  if (token.kind != Token::Kind::kWord || !IsName(token.text)) {
    ThrowSyntaxError(token, fmt::format("a name or number after \"{}\"", word));
  }
  return fmt::format(" {}", token.text);
}

bool NextIs(const Lexer& lexer, std::span<const std::string_view> words) {
  return std::find(words.begin(), words.end(), lexer.next().text) != words.end();
}

// `vpi 3` or `vpi >= 3`.
std::string TakeComparedNumber(Lexer& lexer, const Primitive& primitive) {
  lexer.Enter(Lexer::Mode::kArithmetic);
  std::string text;
  if (NextIs(lexer, kComparisons)) text = fmt::format(" {}", lexer.Take().text);
  text += TakeNumber(lexer, primitive);
  lexer.Enter(Lexer::Mode::kPrimitives);
  return text;
}

std::string TakeOperand(Lexer& lexer, const Primitive& primitive) {
  switch (primitive.operand) {
    case kNone:
      return {};
    case kNumber:
      return TakeNumber(lexer, primitive);
    case kOptionalNumber: {
      const bool is_number = !lexer.next().text.empty() && lexer.next().text[0] >= '0' && lexer.next().text[0] <= '9';
      return is_number ? TakeNumber(lexer, primitive) : "";
    }
    case kComparedNumber:
      return TakeComparedNumber(lexer, primitive);
    case kName:
      return TakeName(lexer, primitive.word);
    case kOptionalName:
      return NextIs(lexer, kLlcTypes) ? TakeName(lexer, primitive.word) : "";
    case kFrameType: {
      std::string text = TakeName(lexer, primitive.word);
      if (lexer.next().text != "subtype") return text;
      lexer.Take();
      return text + " subtype" + TakeName(lexer, "subtype");
    }
  }
  return {};
}

const std::vector<std::string_view>& Words() {
  static const std::vector<std::string_view> words = [] {
    std::vector<std::string_view> all;
    for (const Primitive& primitive : kPrimitives) all.push_back(primitive.word);
    return all;
  }();
  return words;
}

// One link type for each kind of primitive that libpcap has: Ethernet, 802.11, its radiotap, Linux cooked, PF's log,
// ATM, SS7, PPP.
constexpr std::array<uint16_t, 8> kLinkTypes = {1, 105, 127, 113, 117, 123, 140, 9};

}  // namespace

std::span<const std::string_view> PacketPrimitives() { return Words(); }

ExpressionPtr MakePacketTerm(const Token& at, PacketTerm term) {
  std::string reason;
  for (const uint16_t type : kLinkTypes) {
    const auto program = FilterProgram::Compile(term.filter, static_cast<LinkType>(type));
    if (program) return MakeExpression(std::move(term));
    if (reason.empty()) reason = program.error().message;
  }
  ThrowSyntaxError(at, "what libpcap takes: " + reason);
}

ExpressionPtr TakePacketPrimitive(Lexer& lexer) {
  if (lexer.next().kind != Token::Kind::kWord) return nullptr;
  const std::string_view word = lexer.next().text;
  const auto primitive =
      std::find_if(kPrimitives.begin(), kPrimitives.end(), [word](const Primitive& p) { return p.word == word; });
  if (primitive == kPrimitives.end()) return nullptr;
  const Token at = lexer.Take();
  PacketTerm term;
  term.filter = std::string(primitive->filter.empty() ? primitive->word : primitive->filter);
  term.filter += TakeOperand(lexer, *primitive);
  if (primitive->ether_type != 0) term.necessary = MakeExpression(EtherTypeTerm{primitive->ether_type});
  if (word == "geneve") term.necessary = MakeExpression(ProtocolTerm{Family::kAny, 17});
  return MakePacketTerm(at, std::move(term));
}

}  // namespace dashcap
