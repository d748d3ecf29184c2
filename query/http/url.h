#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace dashcap {

// "%41+b" of a query or form gives "A b" (WHATWG URL, application/x-www-form-urlencoded). kInvalidInput names the bad
// escape.
Result<std::string> DecodeFormText(std::string_view text);
std::string EncodeFormText(std::string_view text);

// "q=tcp&last=5m". A name that comes twice is an error.
Result<std::map<std::string, std::string>> ParseForm(std::string_view text);

}  // namespace dashcap
