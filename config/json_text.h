#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace dashcap {

using Json = nlohmann::json;

// Parses JSON with // and /* */ comments. `name` starts every error: "NAME:7:3: …" where the text is not JSON, and
// "NAME: archive.file_age: given twice" for a repeated key, of which JSON libraries keep one or the other.
Result<Json> ParseJsonText(std::string_view text, const std::string& name);

}  // namespace dashcap
