#pragma once

#include "query/language/expression.h"
#include "query/language/lexer.h"

namespace dashcap {

// Whether the next token begins a comparison of numbers: `tcp[13] & 2 != 0`, `len > 100`, `(ip[0] & 15) * 4 = 20`.
bool AtComparison(const Lexer& lexer);

// Takes it. libpcap compiles it later; here only its form and its words are checked. Throws SyntaxError.
PacketTerm TakeComparison(Lexer& lexer);

}  // namespace dashcap
