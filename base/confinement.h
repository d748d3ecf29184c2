#pragma once

#include <optional>
#include <vector>

#include "base/landlock.h"
#include "base/result.h"
#include "base/syscall_filter.h"
#include "base/user_account.h"

namespace dashcap {

// What a daemon is left with once everything that needs more is open.
struct Confinement {
  std::optional<UserAccount> user;  // to become; none: stay who we are
  std::vector<int> capabilities;
  bool sandbox = true;  // apply the two below
  FileAccess files;
  std::vector<AllowedCall> calls;
};

// For good, and for all threads that are started from now on. Logs what is in force. Requires: no thread but this one.
Status Confine(const Confinement& confinement);

}  // namespace dashcap
