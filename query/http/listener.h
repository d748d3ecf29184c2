#pragma once

#include <string>

#include "base/file_descriptor.h"
#include "base/result.h"

namespace dashcap {

// A socket that connections come in by.
struct Listener {
  FileDescriptor socket;
  std::string name;    // as in the settings: "unix:/run/dashcap/query.sock"
  bool needs_token;    // TCP: anybody on the machine can connect
  std::string unlink;  // path to remove in the end; empty: none
};

// "unix:/path", for the owner and `group` (if there is such a group), or "tcp:host:port".
Result<Listener> Listen(const std::string& address, const std::string& group);

}  // namespace dashcap
