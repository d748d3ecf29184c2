#pragma once

#include <cstddef>
#include <string_view>

namespace dashcap {

// A piece of a query: a word (anything between blanks and operators), an operator, or the end.
struct Token {
  enum class Kind { kWord, kAnd, kOr, kNot, kOpen, kClose, kEnd };
  Kind kind = Kind::kEnd;
  std::string_view text;
  size_t column = 1;  // counted from 1, in bytes
};

// Cuts a query into tokens, one ahead. Keywords are words, except "and", "or" and "not", which are operators.
class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) { Advance(); }

  const Token& next() const { return next_; }
  Token Take();

 private:
  void Advance();

  std::string_view text_;
  size_t position_ = 0;
  Token next_;
};

}  // namespace dashcap
