#pragma once

#include <sched.h>

#include <cstdint>
#include <optional>

#include "base/result.h"

namespace dashcap {

// Whether the process may run on this CPU.
Status CheckCpu(uint32_t cpu);

// While it lives, the calling thread runs on this CPU, so that memory which it asks the kernel for comes from the CPU's
// own NUMA node. Without a CPU, or when there is no such, nothing changes.
class TemporaryBinding {
 public:
  explicit TemporaryBinding(std::optional<uint32_t> cpu);
  ~TemporaryBinding();
  TemporaryBinding(const TemporaryBinding&) = delete;
  TemporaryBinding& operator=(const TemporaryBinding&) = delete;

 private:
  std::optional<cpu_set_t> before_;
};

// The calling thread stays on this CPU from now on. Requires: CheckCpu(cpu).
void BindThreadTo(uint32_t cpu);

}  // namespace dashcap
