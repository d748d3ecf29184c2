#include "base/user_account.h"

#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <vector>

namespace dashcap {

Result<std::optional<UserAccount>> FindUser(const std::string& name) {
  constexpr size_t kRoom = 16384;
  std::vector<char> room(kRoom);
  passwd entry{};
  passwd* found = nullptr;
  const int error = ::getpwnam_r(name.c_str(), &entry, room.data(), room.size(), &found);
  if (error != 0 && error != ENOENT) return Fail(SystemError("user " + name, error));
  if (!found) return std::optional<UserAccount>();
  return std::optional<UserAccount>(UserAccount{name, entry.pw_uid, entry.pw_gid});
}

Result<std::optional<UserAccount>> ChooseUser(const std::string& configured, std::span<const char* const> others) {
  if (::geteuid() != 0) return std::optional<UserAccount>();
  if (!configured.empty()) {
    auto user = FindUser(configured);
    if (user && !*user) return Fail(ErrorKind::kNotFound, "user " + configured + ": there is no such user");
    return user;
  }
  for (const char* name : others) {
    auto user = FindUser(name);
    if (!user || *user) return user;
  }
  return std::optional<UserAccount>();
}

Status BecomeUser(const UserAccount& user) {
  const std::string what = "become user " + user.name;
  if (::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 || ::initgroups(user.name.c_str(), user.gid) != 0 ||
      ::setresgid(user.gid, user.gid, user.gid) != 0 || ::setresuid(user.uid, user.uid, user.uid) != 0) {
    return Fail(SystemError(what));
  }
  return {};
}

}  // namespace dashcap
