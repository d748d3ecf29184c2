#include "daemon/gap_watch.h"

#include <algorithm>
#include <utility>

namespace dashcap {

void GapWatch::Look(Timestamp now, std::span<const Interface> interfaces, std::span<const InterfaceCounts> counts,
                    bool down) {
  const Timestamp before = looked_ ? last_look_ : now;
  // The clock may have been set back.
  const Timestamp begin = std::min(before, now);
  const Timestamp end = std::max(before, now);
  const auto add = [&](const std::string& interface, GapReason reason, uint64_t packets) {
    AddGap(gaps_, {begin, end, reason, packets, interface});
  };
  seen_.resize(std::max(seen_.size(), counts.size()));
  for (size_t id = 0; id < std::min(interfaces.size(), counts.size()); id++) {
    const InterfaceCounts& seen = seen_[id];
    const std::string& name = interfaces[id].name;
    if (counts[id].dropped_kernel > seen.dropped_kernel)
      add(name, GapReason::kKernelDrops, counts[id].dropped_kernel - seen.dropped_kernel);
    if (counts[id].dropped_nic > seen.dropped_nic)
      add(name, GapReason::kNicDrops, counts[id].dropped_nic - seen.dropped_nic);
    if (down && begin != end) add(name, GapReason::kInterfaceDown, 0);
    seen_[id] = counts[id];
  }
  last_look_ = now;
  looked_ = true;
}

void GapWatch::Lost(const std::string& interface, uint64_t packets, Timestamp first, Timestamp last) {
  AddGap(gaps_, {first, last + Nanoseconds(1), GapReason::kNotStored, packets, interface});
}

std::vector<Gap> GapWatch::TakeGaps() { return std::exchange(gaps_, {}); }

}  // namespace dashcap
