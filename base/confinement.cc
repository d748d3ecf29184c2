#include "base/confinement.h"

#include <unistd.h>

#include <string>

#include "base/capabilities.h"
#include "base/log.h"
#include "base/sanitizers.h"

namespace dashcap {

Status Confine(const Confinement& confinement) {
  if (confinement.user) {
    if (Status status = BecomeUser(*confinement.user); !status) return status;
  }
  if (Status status = KeepCapabilities(confinement.capabilities); !status) return status;
  std::string in_force = "no new privileges";
  if (confinement.sandbox) {
    FileAccess files = confinement.files;
    if (kChecksMemory) files.read.push_back("/proc/self");
    const auto landlock = RestrictFileAccess(files);
    if (!landlock) return Fail(landlock.error());
    in_force += *landlock > 0 ? ", Landlock " + std::to_string(*landlock) : ", no Landlock in this kernel";
    if (Status status = AllowOnly(confinement.calls); !status) return status;
    in_force += ", seccomp";
  }
  LogInfo("running as {}: {}", confinement.user ? confinement.user->name : "uid " + std::to_string(::getuid()),
          in_force);
  return {};
}

}  // namespace dashcap
