#include "query/language/lexer.h"

#include <algorithm>
#include <array>

namespace dashcap {
namespace {

constexpr std::string_view kBlanks = " \t\r\n\f\v";
constexpr std::string_view kEndsWord = " \t\r\n\f\v()!&|[]<>=*%^";
constexpr std::string_view kWordCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

struct Operator {
  std::string_view text;
  Token::Kind kind;
};
constexpr std::array<Operator, 5> kSigns = {{{"&&", Token::Kind::kAnd},
                                             {"||", Token::Kind::kOr},
                                             {"!", Token::Kind::kNot},
                                             {"(", Token::Kind::kOpen},
                                             {")", Token::Kind::kClose}}};
constexpr std::array<Operator, 3> kWords = {
    {{"and", Token::Kind::kAnd}, {"or", Token::Kind::kOr}, {"not", Token::Kind::kNot}}};
constexpr std::array<std::string_view, 6> kLongSigns = {"<<", ">>", "<=", ">=", "==", "!="};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// A number, or a name in which "-" may stand: "tcp-syn".
size_t ArithmeticWordSize(std::string_view rest) {
  const size_t size = std::min(rest.find_first_not_of(kWordCharacters), rest.size());
  if (IsDigit(rest[0]) || size == 0) return std::max<size_t>(size, 1);
  size_t end = size;
  while (end + 1 < rest.size() && rest[end] == '-' && kWordCharacters.find(rest[end + 1]) != std::string_view::npos)
    end = std::min(rest.find_first_not_of(kWordCharacters, end + 1), rest.size());
  return end;
}

std::string_view WithoutBlanks(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(kBlanks), text.size()));
}

// Whether what follows an operand goes on computing with it or compares it.
bool GoesOn(std::string_view behind) {
  behind = WithoutBlanks(behind);
  if (behind.empty()) return false;
  if (behind[0] == '&' || behind[0] == '|') return behind.size() > 1 && behind[1] != behind[0];
  if (behind[0] == '!') return behind.size() > 1 && behind[1] == '=';
  return std::string_view("[<>=+-*/%^").find(behind[0]) != std::string_view::npos;
}

}  // namespace

Token Lexer::Take() {
  const Token token = next_;
  Advance();
  return token;
}

void Lexer::Enter(Mode mode) {
  mode_ = mode;
  position_ -= next_.text.size();
  Advance();
}

void Lexer::Advance() {
  const size_t begin = text_.find_first_not_of(kBlanks, position_);
  if (begin == std::string_view::npos) {
    next_ = {Token::Kind::kEnd, {}, text_.size() + 1};
    position_ = text_.size();
    return;
  }
  next_ = Read(begin);
  position_ = begin + next_.text.size();
}

Token Lexer::Read(size_t begin) const {
  const std::string_view rest = text_.substr(begin);
  if (mode_ == Mode::kArithmetic) {
    for (const std::string_view sign : kLongSigns) {
      if (rest.starts_with(sign)) return {Token::Kind::kWord, rest.substr(0, sign.size()), begin + 1};
    }
  }
  for (const Operator& sign : kSigns) {
    if (rest.starts_with(sign.text)) return {sign.kind, rest.substr(0, sign.text.size()), begin + 1};
  }
  // A sign that ends words and is none of these is a word by itself.
  const size_t size = mode_ == Mode::kArithmetic
                          ? ArithmeticWordSize(rest)
                          : std::max<size_t>(std::min(rest.find_first_of(kEndsWord), rest.size()), 1);
  Token token{Token::Kind::kWord, rest.substr(0, size), begin + 1};
  for (const Operator& word : kWords) {
    if (token.text == word.text) token.kind = word.kind;
  }
  return token;
}

bool Lexer::AtBytes() const { return WithoutBlanks(text_.substr(position_)).starts_with('['); }

bool Lexer::AtComparison() const {
  if (next_.kind == Token::Kind::kWord) return next_.text == "-" || GoesOn(text_.substr(position_));
  if (next_.kind != Token::Kind::kOpen) return false;
  // A parenthesis round an operand, not round conditions: something is done with its value.
  size_t depth = 1;
  for (size_t at = position_; at < text_.size(); at++) {
    if (text_[at] == '(') depth++;
    if (text_[at] == ')' && --depth == 0) return GoesOn(text_.substr(at + 1));
  }
  return false;
}

}  // namespace dashcap
