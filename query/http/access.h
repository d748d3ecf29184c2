#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace dashcap {

// Who may ask over TCP: bearer tokens (RFC 6750), of which only the SHA-256 is known here. Any thread.
class TokenCheck {
 public:
  explicit TokenCheck(std::vector<TokenConfig> tokens) : tokens_(std::move(tokens)) {}
  // The name of the token in the value of an Authorization header; nullopt when it is none of ours. Takes the same time
  // for every wrong token.
  std::optional<std::string> NameOf(std::string_view authorization) const;

 private:
  std::vector<TokenConfig> tokens_;
};

// 64 hex digits.
std::string Sha256Hex(std::string_view text);

}  // namespace dashcap
