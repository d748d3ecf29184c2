#include "base/landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>

#include "base/file_descriptor.h"

namespace dashcap {
namespace {

// What later kernels added to linux/landlock.h; the header of the build may be older than the kernel of the run.
struct RulesetAttributes {
  uint64_t handled_access_fs = 0;
  uint64_t handled_access_net = 0;  // from ABI 4
  uint64_t scoped = 0;              // from ABI 6
};
constexpr uint64_t kTruncate = uint64_t{1} << 14;     // from ABI 3
constexpr uint64_t kDeviceIoctl = uint64_t{1} << 15;  // from ABI 5
constexpr uint64_t kBindTcp = 1 << 0;
constexpr uint64_t kConnectTcp = 1 << 1;
constexpr uint64_t kAbstractUnixSocket = 1 << 0;
constexpr uint64_t kSignal = 1 << 1;

constexpr uint64_t kRead = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr uint64_t kChange = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                             LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
                             LANDLOCK_ACCESS_FS_MAKE_REG | kTruncate;
constexpr uint64_t kNeverNeeded = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
                                  LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
                                  LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM |
                                  LANDLOCK_ACCESS_FS_REFER | kDeviceIoctl;
// Of these, what a rule about a file that is not a directory may name.
constexpr uint64_t kOfFiles = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | kTruncate;

bool NotifiesByAbstractSocket() {
  const char* socket = std::getenv("NOTIFY_SOCKET");
  return socket && socket[0] == '@';
}

uint64_t KnownTo(int abi, uint64_t access) {
  if (abi < 2) access &= ~uint64_t{LANDLOCK_ACCESS_FS_REFER};
  if (abi < 3) access &= ~kTruncate;
  if (abi < 5) access &= ~kDeviceIoctl;
  return access;
}

Result<FileDescriptor> CreateRuleset(int abi) {
  RulesetAttributes attributes;
  attributes.handled_access_fs = KnownTo(abi, kRead | kChange | kNeverNeeded);
  size_t size = sizeof attributes.handled_access_fs;
  if (abi >= 4) {
    attributes.handled_access_net = kBindTcp | kConnectTcp;
    size += sizeof attributes.handled_access_net;
  }
  if (abi >= 6) {
    attributes.scoped = kSignal | (NotifiesByAbstractSocket() ? 0 : kAbstractUnixSocket);
    size += sizeof attributes.scoped;
  }
  const long fd = ::syscall(SYS_landlock_create_ruleset, &attributes, size, 0);
  if (fd < 0) return Fail(SystemError("landlock"));
  return FileDescriptor(static_cast<int>(fd));
}

Status Allow(const FileDescriptor& ruleset, const std::string& path, uint64_t access) {
  auto file = OpenFile(path, O_PATH);
  if (!file && (file.error().kind == ErrorKind::kNotFound || file.error().kind == ErrorKind::kPermissionDenied))
    return {};
  if (!file) return Fail(file.error());
  struct stat status;
  if (::fstat(file->get(), &status) != 0) return Fail(SystemError("stat " + path));
  if (!S_ISDIR(status.st_mode)) access &= kOfFiles;
  landlock_path_beneath_attr rule{access, file->get()};
  if (::syscall(SYS_landlock_add_rule, ruleset.get(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
    return Fail(SystemError("landlock " + path));
  return {};
}

}  // namespace

Result<int> RestrictFileAccess(const FileAccess& allowed) {
  const auto abi =
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION));
  if (abi <= 0) return 0;
  auto ruleset = CreateRuleset(abi);
  if (!ruleset) return Fail(ruleset.error());
  for (const std::string& path : allowed.read) {
    if (Status status = Allow(*ruleset, path, kRead); !status) return Fail(status.error());
  }
  for (const std::string& path : allowed.write) {
    if (Status status = Allow(*ruleset, path, KnownTo(abi, kRead | kChange)); !status) return Fail(status.error());
  }
  for (const std::string& path : allowed.remove) {
    if (Status status = Allow(*ruleset, path, LANDLOCK_ACCESS_FS_REMOVE_FILE); !status) return Fail(status.error());
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return Fail(SystemError("set no-new-privileges"));
  if (::syscall(SYS_landlock_restrict_self, ruleset->get(), 0) != 0) return Fail(SystemError("landlock"));
  return abi;
}

}  // namespace dashcap
