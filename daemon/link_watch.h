#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "daemon/link_query.h"

namespace dashcap {

// Looks at an interface every second, beside recording it: what it dropped itself, and what it is called. One thread.
class LinkWatch {
 public:
  // `interface`: the name in the settings, for messages.
  LinkWatch(std::string interface, LinkQuery query) : interface_(std::move(interface)), query_(std::move(query)) {}

  // From now on the interface with this index, which may be a new one; 0: none.
  void Follow(unsigned interface_index);
  void Look();
  // Since the last call, while an interface was followed.
  uint64_t TakeNicDrops() { return std::exchange(nic_drops_, 0); }

  enum class Link { kUp, kDown, kGone };
  Link LinkOf(unsigned interface_index);

 private:
  void LookNow();

  const std::string interface_;
  LinkQuery query_;
  unsigned index_ = 0;
  std::optional<uint64_t> last_nic_drops_;
  uint64_t nic_drops_ = 0;
  std::string last_name_;
  std::chrono::steady_clock::time_point next_look_;
};

}  // namespace dashcap
