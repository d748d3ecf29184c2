#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace dashcap {

// A system call, perhaps only with a certain value under a mask of one of its arguments.
struct AllowedCall {
  struct Only {
    unsigned argument;
    uint64_t mask;
    uint64_t value;
  };
  AllowedCall(const char* call) : name(call) {}
  AllowedCall(const char* call, Only condition) : name(call), only(condition) {}

  const char* name;
  std::optional<Only> only;
};

// What any of our programs with threads calls once it is started: memory, threads, waits, clocks, its descriptors,
// reading files, messages to systemd.
std::vector<AllowedCall> CommonCalls();

// From now on, for every thread, a system call that is not allowed fails with EPERM, and the first of each name says so
// on standard error. It does not kill: a libc that one day makes another call must not end a recording. execve and what
// else only an intruder asks for does kill. Names that this machine's kernel doesn't have are left out. Requires:
// no-new-privileges is set. Once in a process.
Status AllowOnly(const std::vector<AllowedCall>& calls);

}  // namespace dashcap
