#pragma once

#include <sys/types.h>

#include <optional>
#include <span>
#include <string>

#include "base/result.h"

namespace dashcap {

// An account of this machine.
struct UserAccount {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;  // its first group; it may be in others
};

// nullopt when there is no such account.
Result<std::optional<UserAccount>> FindUser(const std::string& name);

// Whom a process that root started shall become: the configured user, which has to exist, or else the first of the
// others that exists. nullopt when nobody's, or when the process isn't root's.
Result<std::optional<UserAccount>> ChooseUser(const std::string& configured, std::span<const char* const> others);

// Makes the process that user's, in all its groups, for good. Capabilities stay permitted, so that KeepCapabilities can
// choose among them. Requires: root, and no thread but this one.
Status BecomeUser(const UserAccount& user);

}  // namespace dashcap
