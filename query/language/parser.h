#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/time.h"
#include "query/language/expression.h"

namespace dashcap {

// Where a text stops being a query. what() reads: `column 9: found "prot", expected a port number 0 to 65535; did you
// mean "port"?`
struct ParseError {
  size_t column = 1;  // counted from 1, in bytes
  std::string found;
  std::string expected;
  std::string suggestion;  // a keyword that was perhaps meant; may be empty
  std::string what() const;
};

struct ParseOptions {
  Timestamp now{};  // what "ago" counts from
  // Stenographer gave `and` and `or` one precedence, from left to right; its compatible endpoint keeps that.
  enum class Precedence { kAndBindsTighter, kLeftToRight } precedence = Precedence::kAndBindsTighter;
};

// At most kMaxQueryLength bytes, kMaxQueryDepth levels of nesting, and kMaxPacketTerms primitives that packets have to
// be asked, because each is a program to compile and to run.
inline constexpr size_t kMaxQueryLength = 64 * 1024;
inline constexpr size_t kMaxQueryDepth = 200;
inline constexpr size_t kMaxPacketTerms = 1000;

tl::expected<ExpressionPtr, ParseError> ParseQuery(std::string_view text, const ParseOptions& options);

// Text that parses to the same tree, with times absolute.
std::string PrintQuery(const Expression& expression);

}  // namespace dashcap
