#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "query/search/search.h"

namespace dashcap {

// What an answer does not hold, a line for each kind, for people. `left_out` packets did not fit into the format.
// Empty: complete.
std::vector<std::string> DescribeMissing(const Missing& missing, uint64_t left_out);

nlohmann::ordered_json MissingJson(const Missing& missing, uint64_t left_out);

}  // namespace dashcap
