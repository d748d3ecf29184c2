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
  // Addresses and times are words with "-", ":" and "/" in them; in "tcp[12:1]/4-5" the same signs are words of their
  // own, and "<<", ">=" and the like too.
  enum class Mode { kPrimitives, kArithmetic };

  explicit Lexer(std::string_view text) : text_(text) { Advance(); }

  const Token& next() const { return next_; }
  Token Take();
  // Reads the next token anew in this mode, and all that follow.
  void Enter(Mode mode);

  // Whether an operator or comparison stands behind the next token, or behind the parenthesis that it opens.
  bool AtComparison() const;
  // Whether "[" does.
  bool AtBytes() const;

 private:
  void Advance();
  Token Read(size_t begin) const;

  std::string_view text_;
  size_t position_ = 0;  // behind next_
  Mode mode_ = Mode::kPrimitives;
  Token next_;
};

}  // namespace dashcap
