#pragma once

#include <string>
#include <string_view>

#include "query/language/lexer.h"
#include "query/language/parser.h"

namespace dashcap {

// How the parts of the parser give up, perhaps a hundred levels deep. Caught at the parser's rim, never beyond it.
struct SyntaxError {
  ParseError error;
};

[[noreturn]] void ThrowSyntaxError(const Token& found, std::string expected, std::string_view suggestion = {});

}  // namespace dashcap
