#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace dashcap {

// Files, and directories with all below them. What does not exist is left out, and stays out when it appears later.
struct FileAccess {
  std::vector<std::string> read;
  std::vector<std::string> write;   // read, and files and directories made, changed, renamed and removed
  std::vector<std::string> remove;  // directories that files may be removed from
};

// Confines this thread, and those that it starts, to these files (kernel document landlock.rst); also, where the kernel
// knows how, takes away TCP connections to others, signals to other processes, and their abstract sockets unless
// systemd is to be notified by one. Descriptors that are open stay as they are. Gives the version of the kernel's
// Landlock, 0 when it has none and nothing is confined.
Result<int> RestrictFileAccess(const FileAccess& allowed);

}  // namespace dashcap
