#pragma once

#include <cstdint>

#include "base/result.h"

namespace dashcap {

// Whether the process may run on this CPU.
Status CheckCpu(uint32_t cpu);

// The calling thread stays on this CPU from now on. Requires: CheckCpu(cpu).
void BindThreadTo(uint32_t cpu);

}  // namespace dashcap
