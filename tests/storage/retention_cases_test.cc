#include "storage/retention.h"

#include <gtest/gtest.h>

#include "tests/storage/written_blockfile.h"

namespace dashcap {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr Timestamp kNow = kFirstSent + hours(100);

// A file of 10 bytes that begins so many hours after the first and holds packets up to the hour after.
BlockfileEntry File(int hour, const char* lane = "lane", bool open = false) {
  BlockfileEntry file;
  file.lane_directory = std::string("/archive/") + lane;
  file.lane = lane;
  file.start = kFirstSent + hours(hour);
  file.open = open;
  file.bytes = 10;
  if (!open) file.newest_packet_before = file.start + hours(1);
  return file;
}

BlockfileEntry Pinned(BlockfileEntry file) {
  file.pinned = true;
  return file;
}

BlockfileEntry OfUnknownAge(BlockfileEntry file) {
  file.newest_packet_before.reset();
  return file;
}

std::vector<int> HoursOf(const std::vector<BlockfileEntry>& files) {
  std::vector<int> all;
  for (const BlockfileEntry& file : files) all.push_back(static_cast<int>((file.start - kFirstSent) / hours(1)));
  return all;
}

TEST(RetentionCasesTest, RemovesTheOldestAndNoMoreThanAskedFor) {
  const std::vector<BlockfileEntry> four = {File(0), File(1), File(2), File(3)};
  RetentionLimits none;
  none.min_free_percent = 0;
  RetentionLimits percent = none;
  percent.min_free_percent = 10;
  RetentionLimits free_bytes = percent;
  free_bytes.min_free_bytes = 125;
  RetentionLimits at_most_25 = none;
  at_most_25.max_bytes = 25;
  RetentionLimits at_most_40 = none;
  at_most_40.max_bytes = 40;
  RetentionLimits at_most_0 = none;
  at_most_0.max_bytes = 0;
  RetentionLimits age = none;
  age.max_age = hours(97);
  RetentionLimits age_and_bytes = age;
  age_and_bytes.max_bytes = 10;
  const DiskSpace roomy{1000, 1000};

  struct Case {
    const char* label;
    std::vector<BlockfileEntry> files;
    RetentionLimits limits;
    DiskSpace space;
    std::vector<int> removed;
  };
  const std::vector<Case> cases = {
      {"no files", {}, at_most_0, {1000, 0}, {}},
      {"no limit", four, none, {1000, 0}, {}},
      {"enough free space", four, percent, {1000, 100}, {}},
      {"a byte too little free space", four, percent, {1000, 99}, {0}},
      {"room for one file is missing", four, percent, {1000, 90}, {0}},
      {"a little more is missing", four, percent, {1000, 89}, {0, 1}},
      {"free bytes ask for more than the percentage", four, free_bytes, {1000, 100}, {0, 1, 2}},
      {"more is missing than may go", four, percent, {10'000, 0}, {0, 1, 2}},
      {"just as much as is allowed", four, at_most_40, roomy, {}},
      {"more than is allowed", four, at_most_25, roomy, {0, 1}},
      {"size and free space don't add up",
       four,
       [&] {
         RetentionLimits both = at_most_25;
         both.min_free_percent = 10;
         return both;
       }(),
       {1000, 85},
       {0, 1}},
      {"the newest published file stays", {File(0)}, at_most_0, roomy, {}},
      {"and the open one behind it, too", {File(0), File(1, "lane", true)}, at_most_0, roomy, {}},
      {"files older than the newest go", {File(0), File(1), File(2, "lane", true)}, at_most_0, roomy, {0}},
      {"an old open file is passed over", {File(0, "lane", true), File(1), File(2)}, at_most_0, roomy, {1}},
      {"the newest of each lane stays",
       {File(0, "a"), File(1, "b"), File(2, "a"), File(3, "b")},
       at_most_0,
       roomy,
       {0, 1}},
      {"the oldest of all lanes goes first",
       {File(0, "a"), File(1, "b"), File(2, "a"), File(3, "b")},
       at_most_25,
       roomy,
       {0, 1}},
      {"a pinned file stays, the next goes for it",
       {Pinned(File(0)), File(1), File(2), File(3)},
       at_most_25,
       roomy,
       {1, 2}},
      {"all pinned", {Pinned(File(0)), Pinned(File(1)), File(2)}, at_most_0, roomy, {}},
      // Now is hour 100: packets before hour 3 are too old, and those at its beginning are just not.
      {"by age", four, age, roomy, {0, 1}},
      {"of unknown age", {OfUnknownAge(File(0)), File(1), File(2)}, age, roomy, {1}},
      {"a pinned file of any age stays", {Pinned(File(0)), File(1), File(5)}, age, roomy, {1}},
      {"the newest of a lane stays at any age", {File(0)}, age, roomy, {}},
      {"age and size", four, age_and_bytes, roomy, {0, 1, 2}},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(HoursOf(FilesToRemove(c.files, c.limits, c.space, kNow)), c.removed) << c.label;
  }
}

}  // namespace
}  // namespace dashcap
