#include "query/http/privileges.h"

#include <sys/ioctl.h>

#include "base/confinement.h"

namespace dashcap {
namespace {

constexpr const char* kUsers[] = {"dashcap-query", "dashcap"};
constexpr std::string_view kUnix = "unix:";

FileAccess Files(const Config& config, const std::string& config_path) {
  FileAccess files;
  files.read = config.archive.directories;
  files.read.insert(files.read.end(), {config.runtime_directory, config_path,
                                       // Names in queries.
                                       "/etc/services", "/etc/protocols", "/etc/ethers", "/etc/networks", "/etc/hosts",
                                       "/etc/nsswitch.conf"});
  for (const std::string& address : config.query.listen) {
    if (!address.starts_with(kUnix)) continue;
    const size_t begin = kUnix.size();
    files.remove.push_back(address.substr(begin, address.rfind('/') - begin + 1));
  }
  return files;
}

std::vector<AllowedCall> Calls() {
  constexpr uint64_t kAnyBits = 0xFFFFFFFF;
  std::vector<AllowedCall> calls = CommonCalls();
  const std::vector<AllowedCall> serving = {
      "accept", "accept4", {"ioctl", {1, kAnyBits, FIONBIO}}, {"ioctl", {1, kAnyBits, FIONREAD}}};
  calls.insert(calls.end(), serving.begin(), serving.end());
  return calls;
}

}  // namespace

Status GiveUpPrivileges(const Config& config, const std::string& config_path) {
  Confinement confinement;
  auto user = ChooseUser(config.query.user, kUsers);
  if (!user) return Fail(user.error());
  confinement.user = *user;
  confinement.sandbox = config.sandbox;
  confinement.files = Files(config, config_path);
  confinement.calls = Calls();
  return Confine(confinement);
}

}  // namespace dashcap
