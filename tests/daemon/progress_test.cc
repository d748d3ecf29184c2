#include "daemon/progress.h"

#include <gtest/gtest.h>

namespace dashcap {
namespace {

LaneStatus Recording(uint64_t rounds) {
  LaneStatus lane;
  lane.rounds = rounds;
  return lane;
}

LaneStatus Ended(uint64_t rounds) {
  LaneStatus lane = Recording(rounds);
  lane.ended = true;
  return lane;
}

TEST(Progressed, WhenEveryLaneThatRecordsGotRound) {
  const struct {
    const char* label;
    std::vector<LaneStatus> before;
    std::vector<LaneStatus> now;
    bool progressed;
  } cases[] = {
      {"all got round", {Recording(1), Recording(5)}, {Recording(2), Recording(9)}, true},
      {"one hangs", {Recording(1), Recording(5)}, {Recording(2), Recording(5)}, false},
      {"one has ended", {Recording(1), Recording(5)}, {Recording(2), Ended(5)}, true},
      {"nothing to compare with yet", {}, {Recording(2)}, false},
  };
  for (const auto& [label, before, now, progressed] : cases) EXPECT_EQ(Progressed(before, now), progressed) << label;
}

}  // namespace
}  // namespace dashcap
