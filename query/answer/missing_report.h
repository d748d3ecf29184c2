#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "query/search/search.h"

namespace dashcap {

// What an answer does not hold, a line for each kind, for people. `left_out` packets did not fit into the format.
// Empty: complete. A few gaps are told one by one, the others are summed up.
std::vector<std::string> DescribeMissing(const Missing& missing, uint64_t left_out);

// "1200 packets dropped by the kernel on eth0, 2026-11-24T02:10:00.000000000Z to …"
std::string DescribeGap(const LaneGap& gap);
nlohmann::ordered_json GapJson(const LaneGap& gap);

nlohmann::ordered_json MissingJson(const Missing& missing, uint64_t left_out);

}  // namespace dashcap
