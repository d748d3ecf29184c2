#include "daemon/hand_over.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <string_view>
#include <vector>

#include "base/file_descriptor.h"

namespace dashcap {
namespace {

constexpr char kLaneMark[] = ".lock";  // LaneLock makes it in every lane

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

Result<FileDescriptor> OpenDirectory(int parent, const std::string& name) {
  const int fd = ::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return Fail(SystemError("open " + name));
  return FileDescriptor(fd);
}

Result<std::vector<std::string>> Names(const FileDescriptor& directory) {
  const std::unique_ptr<DIR, CloseDirectory> listing(::fdopendir(::openat(directory.get(), ".", O_RDONLY | O_CLOEXEC)));
  if (!listing) return Fail(SystemError("list directory"));
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(listing.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  return names;
}

// Never through a link.
Status GiveEntry(const FileDescriptor& directory, const std::string& name, const UserAccount& user) {
  struct stat status;
  if (::fstatat(directory.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return {};  // gone since
  if (status.st_uid != 0 || !S_ISREG(status.st_mode) || status.st_nlink != 1) return {};
  if (::fchownat(directory.get(), name.c_str(), user.uid, user.gid, AT_SYMLINK_NOFOLLOW) != 0)
    return Fail(SystemError("give " + name + " to user " + user.name));
  return {};
}

Status GiveDirectory(const FileDescriptor& directory, const std::string& name, const UserAccount& user) {
  struct stat status;
  if (::fstat(directory.get(), &status) != 0) return Fail(SystemError(name));
  if (status.st_uid != 0) return {};
  if (::fchown(directory.get(), user.uid, user.gid) != 0)
    return Fail(SystemError("give " + name + " to user " + user.name));
  return {};
}

Status GiveLane(const FileDescriptor& lane, const std::string& name, const UserAccount& user) {
  auto names = Names(lane);
  if (!names) return Fail(names.error());
  for (const std::string& file : *names) {
    if (Status status = GiveEntry(lane, file, user); !status) return status;
  }
  return GiveDirectory(lane, name, user);
}

bool IsFile(const FileDescriptor& directory, const std::string& name) {
  struct stat status;
  return ::fstatat(directory.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode);
}

// What the query service and run.sh keep in a runtime directory.
bool IsSocketOrLog(const FileDescriptor& directory, const std::string& name) {
  struct stat status;
  if (::fstatat(directory.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return false;
  return S_ISSOCK(status.st_mode) || (S_ISREG(status.st_mode) && name.ends_with(".log"));
}

tl::unexpected<Error> Foreign(const std::string& directory, const std::string& name, const UserAccount& user) {
  return Fail(ErrorKind::kPermissionDenied, directory + ": not given to user " + user.name +
                                                ", because it also holds " + name +
                                                "; use a directory of its own, or set its owner yourself");
}

bool BelongsToRoot(const FileDescriptor& directory) {
  struct stat status;
  return ::fstat(directory.get(), &status) == 0 && status.st_uid == 0;
}

}  // namespace

Status HandOverArchive(const std::string& archive, const UserAccount& user) {
  auto directory = OpenFile(archive, O_RDONLY | O_DIRECTORY);
  if (!directory) return Fail(directory.error());
  auto names = Names(*directory);
  if (!names) return Fail(names.error());
  std::vector<FileDescriptor> lanes;
  std::vector<std::string> lane_names;
  for (const std::string& name : *names) {
    if (name == "lost+found") continue;
    auto lane = OpenDirectory(directory->get(), name);
    if (lane && IsFile(*lane, kLaneMark)) {
      lanes.push_back(std::move(*lane));
      lane_names.push_back(fmt::format("{}/{}", archive, name));
    } else if (BelongsToRoot(*directory)) {
      return Foreign(archive, name, user);
    }
  }
  for (size_t i = 0; i < lanes.size(); i++) {
    if (Status status = GiveLane(lanes[i], lane_names[i], user); !status) return status;
  }
  return GiveDirectory(*directory, archive, user);
}

Status HandOverRuntime(const std::string& runtime_directory, const UserAccount& user) {
  auto directory = OpenFile(runtime_directory, O_RDONLY | O_DIRECTORY);
  if (!directory) return Fail(directory.error());
  auto names = Names(*directory);
  if (!names) return Fail(names.error());
  for (const std::string& name : *names) {
    if (name == "status.json" || name == ".status.json") {
      if (Status status = GiveEntry(*directory, name, user); !status) return status;
    } else if (BelongsToRoot(*directory) && !IsSocketOrLog(*directory, name)) {
      return Foreign(runtime_directory, name, user);
    }
  }
  return GiveDirectory(*directory, runtime_directory, user);
}

}  // namespace dashcap
