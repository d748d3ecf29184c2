#include "daemon/cpu_binding.h"

#include <string>

#include "base/log.h"

namespace dashcap {

Status CheckCpu(uint32_t cpu) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return Fail(SystemError("CPUs of this process"));
  if (cpu < CPU_SETSIZE && CPU_ISSET(cpu, &allowed)) return {};
  return Fail(ErrorKind::kInvalidInput, "CPU " + std::to_string(cpu) + ": there is none, or it is not allowed");
}

TemporaryBinding::TemporaryBinding(std::optional<uint32_t> cpu) {
  cpu_set_t before;
  if (!cpu || !CheckCpu(*cpu) || ::sched_getaffinity(0, sizeof before, &before) != 0) return;
  before_ = before;
  BindThreadTo(*cpu);
}

TemporaryBinding::~TemporaryBinding() {
  if (before_) (void)::sched_setaffinity(0, sizeof *before_, &*before_);
}

void BindThreadTo(uint32_t cpu) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  // It can have been taken off line in the meantime; recording elsewhere is better than not at all.
  if (::sched_setaffinity(0, sizeof one, &one) != 0)
    LogWarning("{}", SystemError("run on CPU " + std::to_string(cpu)).message);
}

}  // namespace dashcap
