#include "daemon/link_watch.h"

#include <utility>

#include "base/log.h"

namespace dashcap {
namespace {

constexpr auto kInterval = std::chrono::seconds(1);

}  // namespace

void LinkWatch::Follow(unsigned interface_index) {
  index_ = interface_index;
  last_nic_drops_.reset();
  last_name_.clear();
  LookNow();
}

void LinkWatch::Look() {
  if (std::chrono::steady_clock::now() >= next_look_) LookNow();
}

void LinkWatch::LookNow() {
  next_look_ = std::chrono::steady_clock::now() + kInterval;
  if (index_ == 0) return;
  const auto state = query_.Ask(index_);
  if (!state) return;
  if (last_nic_drops_ && state->nic_drops > *last_nic_drops_) nic_drops_ += state->nic_drops - *last_nic_drops_;
  last_nic_drops_ = state->nic_drops;
  if (!last_name_.empty() && state->name != last_name_)
    LogInfo("interface {}: {} is now called {}; recording goes on", interface_, last_name_, state->name);
  last_name_ = state->name;
}

LinkWatch::Link LinkWatch::LinkOf(unsigned interface_index) {
  const auto state = query_.Ask(interface_index);
  if (!state) return Link::kGone;
  return state->up ? Link::kUp : Link::kDown;
}

}  // namespace dashcap
