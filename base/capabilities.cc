#include "base/capabilities.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

namespace dashcap {
namespace {

// capget(2) splits its 64 bits into two words.
using CapabilityWords = std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3>;

// Only who has CAP_SETPCAP can; for anybody else the bounding set bounds nothing, because no-new-privileges does.
void EmptyBoundingSet() {
  for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++) {
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) return;
  }
}

}  // namespace

Status KeepCapabilities(std::span<const int> capabilities) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  CapabilityWords words{};
  if (::syscall(SYS_capget, &header, words.data()) != 0) return Fail(SystemError("read capabilities"));
  CapabilityWords kept{};
  for (const int capability : capabilities) {
    const auto word = static_cast<size_t>(CAP_TO_INDEX(capability));
    kept.at(word).permitted |= words.at(word).permitted & CAP_TO_MASK(capability);
    kept.at(word).effective = kept.at(word).permitted;
  }
  // Who has just become another user has everything permitted and nothing in effect.
  for (__user_cap_data_struct& word : words) word.effective = word.permitted;
  if (::syscall(SYS_capset, &header, words.data()) != 0) return Fail(SystemError("use capabilities"));
  EmptyBoundingSet();
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return Fail(SystemError("set no-new-privileges"));
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
    return Fail(SystemError("clear ambient capabilities"));
  if (::syscall(SYS_capset, &header, kept.data()) != 0) return Fail(SystemError("give up capabilities"));
  return {};
}

}  // namespace dashcap
