#pragma once

#include <string>
#include <string_view>

namespace dashcap {

// The directory, within an archive, of what a source records: its name where that is safe, else with the other bytes
// as %XX. No two names of sources give the same directory.
std::string LaneName(std::string_view source);

}  // namespace dashcap
