#include "daemon/privileges.h"

#include <linux/capability.h>
#include <sys/socket.h>

#include <algorithm>
#include <filesystem>

#include "base/confinement.h"
#include "daemon/hand_over.h"

namespace dashcap {
namespace {

constexpr const char* kUsers[] = {"dashcap"};
constexpr int kPfRing = 27;  // the socket family of PF_RING's libpcap

bool FromFilesOnly(const Config& config) {
  return std::all_of(config.capture.begin(), config.capture.end(),
                     [](const CaptureConfig& capture) { return capture.source == CaptureConfig::Source::kFile; });
}

FileAccess Files(const Config& config, const std::string& config_path) {
  FileAccess files;
  files.write = config.archive.directories;
  files.write.push_back(config.runtime_directory);
  // Whoever changes the settings most likely puts another file in their place.
  const std::filesystem::path config_directory = std::filesystem::absolute(config_path).parent_path();
  files.read = {config_directory,
                // What an interface is, and what it dropped.
                "/sys/class/net", "/sys/devices", "/proc/net",
                // Names in filters.
                "/etc/services", "/etc/protocols", "/etc/ethers", "/etc/networks", "/etc/hosts", "/etc/nsswitch.conf"};
  return files;
}

std::vector<AllowedCall> Calls() {
  constexpr uint64_t kAnyBits = 0xFFFFFFFF;
  std::vector<AllowedCall> calls = CommonCalls();
  const std::vector<AllowedCall> recording = {"io_uring_setup",
                                              "io_uring_enter",
                                              "io_uring_register",
                                              "pwrite64",
                                              "pwritev",
                                              "fallocate",
                                              "ftruncate",
                                              "fsync",
                                              "fdatasync",
                                              "sync_file_range",
                                              "rename",
                                              "renameat",
                                              "renameat2",
                                              "link",
                                              "linkat",
                                              "mkdir",
                                              "mkdirat",
                                              "rmdir",
                                              "chmod",
                                              "fchmod",
                                              "fchmodat",
                                              "utimensat",
                                              "ioprio_set",
                                              "sched_setscheduler",
                                              "sched_setattr",
                                              "mlock",
                                              "munlock",
                                              // Opening an interface again.
                                              {"socket", {0, kAnyBits, AF_PACKET}},
                                              {"socket", {0, kAnyBits, AF_NETLINK}},
                                              {"socket", {0, kAnyBits, kPfRing}},
                                              "bind",
                                              "ioctl"};
  calls.insert(calls.end(), recording.begin(), recording.end());
  return calls;
}

}  // namespace

Status GiveUpPrivileges(const Config& config, const std::string& config_path) {
  Confinement confinement;
  auto user = ChooseUser(config.user, kUsers);
  if (!user) return Fail(user.error());
  if (*user) {
    for (const std::string& archive : config.archive.directories) {
      if (Status status = HandOverArchive(archive, **user); !status) return status;
    }
    if (Status status = HandOverRuntime(config.runtime_directory, **user); !status) return status;
  }
  confinement.user = *user;
  if (!FromFilesOnly(config)) confinement.capabilities = {CAP_NET_RAW};
  confinement.sandbox = config.sandbox;
  confinement.files = Files(config, config_path);
  confinement.calls = Calls();
  return Confine(confinement);
}

}  // namespace dashcap
