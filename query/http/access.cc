#include "query/http/access.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace dashcap {
namespace {

constexpr std::string_view kScheme = "bearer ";

bool IsBearer(std::string_view authorization) {
  return authorization.size() > kScheme.size() &&
         std::equal(kScheme.begin(), kScheme.end(), authorization.begin(),
                    [](char a, char b) { return a == std::tolower(static_cast<unsigned char>(b)); });
}

std::string LowerCase(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

}  // namespace

std::string Sha256Hex(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
  return fmt::format("{:02x}", fmt::join(digest.begin(), digest.begin() + size, ""));
}

std::optional<std::string> TokenCheck::NameOf(std::string_view authorization) const {
  if (!IsBearer(authorization)) return std::nullopt;
  const std::string hash = Sha256Hex(authorization.substr(kScheme.size()));
  std::optional<std::string> name;
  for (const TokenConfig& token : tokens_) {
    const std::string known = LowerCase(token.sha256);
    if (known.size() == hash.size() && CRYPTO_memcmp(known.data(), hash.data(), hash.size()) == 0) name = token.name;
  }
  return name;
}

}  // namespace dashcap
