#include "query/language/syntax_error.h"

#include <utility>

namespace dashcap {

void ThrowSyntaxError(const Token& found, std::string expected, std::string_view suggestion) {
  throw SyntaxError{{found.column, std::string(found.text), std::move(expected), std::string(suggestion)}};
}

}  // namespace dashcap
