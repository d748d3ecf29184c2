#include "storage/gap.h"

#include <algorithm>
#include <array>
#include <utility>

namespace dashcap {
namespace {

constexpr Nanoseconds kJoinWithin = std::chrono::seconds(1);

struct Name {
  GapReason reason;
  std::string_view text;
};
constexpr std::array<Name, 7> kNames = {{
    {GapReason::kStopped, "recorder_stopped"},
    {GapReason::kKilled, "recorder_killed"},
    {GapReason::kInterfaceDown, "interface_down"},
    {GapReason::kKernelDrops, "kernel_drops"},
    {GapReason::kNicDrops, "nic_drops"},
    {GapReason::kNotStored, "not_stored"},
    {GapReason::kNeverWritten, "never_written"},
}};

// The others are told of once, whole.
bool ComesBySeconds(GapReason reason) {
  return reason == GapReason::kInterfaceDown || reason == GapReason::kKernelDrops || reason == GapReason::kNicDrops ||
         reason == GapReason::kNotStored;
}

// Times may be anywhere, so differences are taken only where they can't overflow.
Timestamp Later(Timestamp time, Nanoseconds by) { return time > kMaxTimestamp - by ? kMaxTimestamp : time + by; }

}  // namespace

std::string_view NameOf(GapReason reason) {
  const auto name = std::find_if(kNames.begin(), kNames.end(), [reason](const Name& n) { return n.reason == reason; });
  return name == kNames.end() ? "unknown" : name->text;
}

std::optional<GapReason> GapReasonOf(uint16_t number) {
  const auto reason = static_cast<GapReason>(number);
  const bool known = std::any_of(kNames.begin(), kNames.end(), [reason](const Name& n) { return n.reason == reason; });
  return known ? std::optional(reason) : std::nullopt;
}

bool JoinGaps(Gap& gap, const Gap& next) {
  if (gap.reason != next.reason || gap.interface != next.interface || !ComesBySeconds(gap.reason)) return false;
  if (next.begin > Later(gap.end, kJoinWithin) || gap.begin > Later(next.end, kJoinWithin)) return false;
  gap.begin = std::min(gap.begin, next.begin);
  gap.end = std::max(gap.end, next.end);
  gap.packets += next.packets;
  return true;
}

void AddGap(std::vector<Gap>& gaps, Gap gap) {
  const auto latest = std::find_if(gaps.rbegin(), gaps.rend(), [&gap](const Gap& known) {
    return known.reason == gap.reason && known.interface == gap.interface;
  });
  if (latest != gaps.rend() && JoinGaps(*latest, gap)) return;
  gaps.push_back(std::move(gap));
}

}  // namespace dashcap
