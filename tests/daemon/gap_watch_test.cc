#include "daemon/gap_watch.h"

#include <gmock/gmock.h>

namespace dashcap {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

const Timestamp kNoon = FromUnixNanoseconds(1'795'492'800'000'000'000);
const std::vector<Interface> kInterfaces = {{"eth0", "", "", LinkType::kEthernet, 0},
                                            {"eth1", "", "", LinkType::kEthernet, 0}};

std::vector<InterfaceCounts> Dropped(uint64_t on_eth0, uint64_t on_eth1) {
  std::vector<InterfaceCounts> counts(2);
  counts[0].dropped_kernel = on_eth0;
  counts[1].dropped_kernel = on_eth1;
  return counts;
}

TEST(GapWatch, NothingIsMissingWhileNothingIsDropped) {
  GapWatch watch;
  for (int i = 0; i < 3; i++) watch.Look(kNoon + seconds(i), kInterfaces, Dropped(0, 0), false);
  EXPECT_THAT(watch.TakeGaps(), IsEmpty());
}

TEST(GapWatch, WhatWasDroppedLiesBetweenTwoLooks) {
  GapWatch watch;
  watch.Look(kNoon, kInterfaces, Dropped(0, 0), false);
  watch.Look(kNoon + seconds(1), kInterfaces, Dropped(0, 7), false);
  EXPECT_THAT(watch.TakeGaps(), ElementsAre(Gap{kNoon, kNoon + seconds(1), GapReason::kKernelDrops, 7, "eth1"}));
  watch.Look(kNoon + seconds(2), kInterfaces, Dropped(0, 7), false);
  EXPECT_THAT(watch.TakeGaps(), IsEmpty()) << "told of once";
}

TEST(GapWatch, DropsGoOnAsOneGapAndEachReasonIsItsOwn) {
  GapWatch watch;
  std::vector<InterfaceCounts> counts = Dropped(0, 0);
  watch.Look(kNoon, kInterfaces, counts, false);
  for (int i = 1; i <= 4; i++) {
    counts[0].dropped_kernel += 10;
    counts[0].dropped_nic += i == 4 ? 3 : 0;
    watch.Look(kNoon + milliseconds(50 * i), kInterfaces, counts, false);
  }
  EXPECT_THAT(watch.TakeGaps(),
              ElementsAre(Gap{kNoon, kNoon + milliseconds(200), GapReason::kKernelDrops, 40, "eth0"},
                          Gap{kNoon + milliseconds(150), kNoon + milliseconds(200), GapReason::kNicDrops, 3, "eth0"}));
}

TEST(GapWatch, AnInterfaceIsDownFromLookToLook) {
  GapWatch watch;
  const std::vector<Interface> one = {kInterfaces[0]};
  const std::vector<InterfaceCounts> counts(1);
  watch.Look(kNoon, one, counts, false);
  for (int i = 1; i <= 3; i++) watch.Look(kNoon + seconds(i), one, counts, true);
  watch.Look(kNoon + seconds(4), one, counts, false);
  EXPECT_THAT(watch.TakeGaps(), ElementsAre(Gap{kNoon, kNoon + seconds(3), GapReason::kInterfaceDown, 0, "eth0"}));
}

TEST(GapWatch, AClockThatIsSetBackTurnsTheTimesRound) {
  GapWatch watch;
  watch.Look(kNoon, kInterfaces, Dropped(0, 0), false);
  watch.Look(kNoon - seconds(3600), kInterfaces, Dropped(5, 0), false);
  EXPECT_THAT(watch.TakeGaps(), ElementsAre(Gap{kNoon - seconds(3600), kNoon, GapReason::kKernelDrops, 5, "eth0"}));
}

TEST(GapWatch, LostPacketsHaveTheirOwnTimes) {
  GapWatch watch;
  watch.Lost("eth0", 3, kNoon, kNoon + seconds(2));
  watch.Lost("eth0", 4, kNoon + milliseconds(2500), kNoon + seconds(3));
  EXPECT_THAT(watch.TakeGaps(),
              ElementsAre(Gap{kNoon, kNoon + seconds(3) + Nanoseconds(1), GapReason::kNotStored, 7, "eth0"}));
}

}  // namespace
}  // namespace dashcap
