#include "query/language/lexer.h"

#include <algorithm>
#include <array>

namespace dashcap {
namespace {

constexpr std::string_view kBlanks = " \t\r\n\f\v";
constexpr std::string_view kEndsWord = " \t\r\n\f\v()!&|";

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

}  // namespace

Token Lexer::Take() {
  const Token token = next_;
  Advance();
  return token;
}

void Lexer::Advance() {
  const size_t begin = text_.find_first_not_of(kBlanks, position_);
  if (begin == std::string_view::npos) {
    next_ = {Token::Kind::kEnd, {}, text_.size() + 1};
    return;
  }
  const std::string_view rest = text_.substr(begin);
  for (const Operator& sign : kSigns) {
    if (!rest.starts_with(sign.text)) continue;
    next_ = {sign.kind, rest.substr(0, sign.text.size()), begin + 1};
    position_ = begin + sign.text.size();
    return;
  }
  // A single & or | ends a word and is one.
  const size_t size = std::max<size_t>(rest.find_first_of(kEndsWord), 1);
  next_ = {Token::Kind::kWord, rest.substr(0, size), begin + 1};
  position_ = begin + next_.text.size();
  for (const Operator& word : kWords) {
    if (next_.text == word.text) next_.kind = word.kind;
  }
}

}  // namespace dashcap
