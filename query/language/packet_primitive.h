#pragma once

#include <span>
#include <string_view>

#include "query/language/expression.h"
#include "query/language/lexer.h"

namespace dashcap {

// The keywords of pcap-filter(7) that are primitives by themselves, or with a number or a word behind them, and of
// which flows tell little or nothing: `broadcast`, `llc ui`, `pppoes 7`, `less 64`, `type mgt subtype beacon`, …
std::span<const std::string_view> PacketPrimitives();

// Takes such a primitive; nullptr, and nothing taken, when the next token begins none. Throws SyntaxError.
ExpressionPtr TakePacketPrimitive(Lexer& lexer);

// A primitive as libpcap takes it. Throws SyntaxError at `at`, with libpcap's reason, when it does for no link type.
ExpressionPtr MakePacketTerm(const Token& at, PacketTerm term);

}  // namespace dashcap
