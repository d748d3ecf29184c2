#pragma once

#include <string>

#include "config/config.h"

namespace dashcap {

// The memory that recording takes by the settings, "memory: 64 MiB for rings, …: 640 MiB; huge pages: madvise". Blocks and
// flow tables lie in huge pages unless that is "never" or "none".
std::string DescribeMemory(const Config& config);

}  // namespace dashcap
