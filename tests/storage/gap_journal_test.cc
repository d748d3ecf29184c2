#include "storage/gap_journal.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "storage/recovery.h"
#include "tests/storage/temporary_directory.h"

namespace dashcap {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

const Timestamp kNoon = FromUnixNanoseconds(1'795'492'800'000'000'000);

Timestamp At(Nanoseconds after_noon) { return kNoon + after_noon; }

Gap Drops(Timestamp begin, Timestamp end, uint64_t packets) {
  return {begin, end, GapReason::kKernelDrops, packets, "eth0"};
}

std::vector<Gap> Read(const TemporaryDirectory& lane, Timestamp now) {
  const auto gaps = ReadGaps(lane.path(), now);
  EXPECT_TRUE(gaps) << (gaps ? "" : gaps.error().message);
  return gaps ? *gaps : std::vector<Gap>{};
}

std::string Bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void Write(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

TEST(GapJournal, ALaneWithoutOneHasNoGaps) {
  TemporaryDirectory lane;
  EXPECT_THAT(Read(lane, kNoon), IsEmpty());
}

TEST(GapJournal, TheFirstLifeBeginsWithoutAGap) {
  TemporaryDirectory lane;
  GapJournal journal(lane.path());
  ASSERT_TRUE(journal.BeginLife(kNoon, std::nullopt));
  EXPECT_THAT(Read(lane, At(seconds(1))), IsEmpty());
}

TEST(GapJournal, WhatIsAddedIsReadInOrderOfItsBegin) {
  TemporaryDirectory lane;
  GapJournal journal(lane.path());
  ASSERT_TRUE(journal.BeginLife(kNoon, std::nullopt));
  const Gap drops = Drops(At(seconds(5)), At(seconds(6)), 7);
  const Gap down{At(seconds(2)), At(seconds(9)), GapReason::kInterfaceDown, 0, "eth0"};
  ASSERT_TRUE(journal.Add(drops));
  ASSERT_TRUE(journal.Add(down));
  EXPECT_THAT(Read(lane, At(seconds(1))), ElementsAre(down, drops));
}

TEST(GapJournal, TheSameWithinASecondIsOneGap) {
  TemporaryDirectory lane;
  GapJournal journal(lane.path());
  ASSERT_TRUE(journal.BeginLife(kNoon, std::nullopt));
  const Gap elsewhere{At(seconds(2)), At(seconds(3)), GapReason::kKernelDrops, 4, "eth1"};
  ASSERT_TRUE(journal.Add(Drops(At(seconds(1)), At(seconds(2)), 1)));
  ASSERT_TRUE(journal.Add(elsewhere));
  ASSERT_TRUE(journal.Add(Drops(At(seconds(3)), At(seconds(4)), 2)));
  ASSERT_TRUE(journal.Add(Drops(At(milliseconds(5001)), At(seconds(6)), 3)));
  EXPECT_THAT(Read(lane, At(seconds(1))), ElementsAre(Drops(At(seconds(1)), At(seconds(4)), 3), elsewhere,
                                                      Drops(At(milliseconds(5001)), At(seconds(6)), 3)));
}

TEST(GapJournal, ACleanStopIsAGapThatLastsAndEndsWithTheNextLife) {
  TemporaryDirectory lane;
  {
    GapJournal journal(lane.path());
    ASSERT_TRUE(journal.BeginLife(kNoon, std::nullopt));
    ASSERT_TRUE(journal.EndLife(At(seconds(10)), At(seconds(10))));
  }
  EXPECT_THAT(Read(lane, At(seconds(11))),
              ElementsAre(Gap{At(seconds(10)), kMaxTimestamp, GapReason::kStopped, 0, ""}));
  GapJournal next(lane.path());
  ASSERT_TRUE(next.BeginLife(At(seconds(25)), At(seconds(9))));
  EXPECT_THAT(Read(lane, At(seconds(26))),
              ElementsAre(Gap{At(seconds(10)), At(seconds(25)), GapReason::kStopped, 0, ""}));
}

struct KilledCase {
  const char* label;
  std::optional<Timestamp> last_packet;
  Timestamp expected_begin;
};

TEST(GapJournal, AKilledLifeEndsWithItsLastHeartbeatOrAYoungerPacket) {
  const KilledCase cases[] = {
      {"idle link", std::nullopt, At(seconds(9))},
      {"older packet", At(seconds(3)), At(seconds(9))},
      {"packet after the heartbeat", At(milliseconds(9800)), At(milliseconds(9800)) + Nanoseconds(1)},
      {"packet of a clock that was wrong", At(seconds(99999)), At(seconds(9))},
  };
  for (const KilledCase& c : cases) {
    SCOPED_TRACE(c.label);
    TemporaryDirectory lane;
    {
      GapJournal journal(lane.path());
      ASSERT_TRUE(journal.BeginLife(kNoon, std::nullopt));
      ASSERT_TRUE(journal.Beat(At(seconds(9)), At(milliseconds(9700))));
    }
    EXPECT_THAT(Read(lane, At(seconds(12))), IsEmpty()) << "it may be alive";
    EXPECT_THAT(Read(lane, At(seconds(20))),
                ElementsAre(Gap{At(seconds(9)), kMaxTimestamp, GapReason::kKilled, 0, ""}));
    GapJournal next(lane.path());
    ASSERT_TRUE(next.BeginLife(At(seconds(20)), c.last_packet));
    EXPECT_THAT(Read(lane, At(seconds(20))),
                ElementsAre(Gap{c.expected_begin, At(seconds(20)), GapReason::kKilled, 0, ""}));
  }
}

TEST(GapJournal, AClockThatWasSetBackMakesNoGapThatEndsBeforeItBegins) {
  TemporaryDirectory lane;
  {
    GapJournal journal(lane.path());
    ASSERT_TRUE(journal.BeginLife(kNoon, std::nullopt));
  }
  GapJournal next(lane.path());
  ASSERT_TRUE(next.BeginLife(At(-seconds(3600)), kNoon));
  for (const Gap& gap : next.gaps()) EXPECT_LE(gap.begin, gap.end);
}

TEST(GapJournal, TrimForgetsWhatEndsBeforeTheOldestPacket) {
  TemporaryDirectory lane;
  GapJournal journal(lane.path());
  ASSERT_TRUE(journal.BeginLife(kNoon, std::nullopt));
  const Gap across = Drops(At(seconds(8)), At(seconds(12)), 2);
  ASSERT_TRUE(journal.Add(Drops(At(seconds(1)), At(seconds(4)), 1)));
  ASSERT_TRUE(journal.Add(across));
  ASSERT_TRUE(journal.Trim(At(seconds(10))));
  EXPECT_THAT(Read(lane, At(seconds(1))), ElementsAre(across));
}

TEST(GapJournal, StaysSmallAndKeepsEveryPacketCounted) {
  TemporaryDirectory lane;
  GapJournal journal(lane.path());
  ASSERT_TRUE(journal.BeginLife(kNoon, std::nullopt));
  constexpr uint64_t kGaps = kMaxGapRecords * 3 / 2;
  for (uint64_t i = 0; i < kGaps; i++) {
    const Timestamp begin = At(seconds(10) * i);
    ASSERT_TRUE(journal.Add(Drops(begin, begin + seconds(1), 3)));
  }
  const std::vector<Gap> gaps = Read(lane, kNoon);
  EXPECT_LE(gaps.size(), kMaxGapRecords);
  uint64_t packets = 0;
  for (const Gap& gap : gaps) packets += gap.packets;
  EXPECT_EQ(packets, kGaps * 3);
  EXPECT_EQ(gaps.front().begin, kNoon);
  EXPECT_EQ(gaps.back().end, At(seconds(10) * (kGaps - 1) + seconds(1)));
}

TEST(GapJournal, CutAfterEveryByteItYieldsTheRecordsBefore) {
  TemporaryDirectory lane;
  std::vector<Gap> whole;
  {
    GapJournal journal(lane.path());
    ASSERT_TRUE(journal.BeginLife(kNoon, std::nullopt));
    for (int i = 0; i < 3; i++) {
      whole.push_back(Drops(At(seconds(10 * i)), At(seconds(10 * i + 1)), 5));
      ASSERT_TRUE(journal.Add(whole.back()));
    }
  }
  const std::string path = lane.path() + "/" + kGapJournalName;
  const std::string bytes = Bytes(path).substr(0, kGapRecordsOffset + 3 * kGapRecordSize);
  for (size_t size = 0; size <= bytes.size(); size++) {
    Write(path, bytes.substr(0, size));
    const auto read = ReadGaps(lane.path(), kNoon);
    if (size < 8) {
      EXPECT_FALSE(read) << size;
      continue;
    }
    ASSERT_TRUE(read) << size;
    const size_t records = size < kGapRecordsOffset ? 0 : (size - kGapRecordsOffset) / kGapRecordSize;
    EXPECT_EQ(*read, std::vector<Gap>(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(records))) << size;
  }
}

TEST(GapJournal, ADamagedByteCostsOneRecordAtMost) {
  TemporaryDirectory lane;
  const Gap first = Drops(At(seconds(1)), At(seconds(2)), 1);
  const Gap second = Drops(At(seconds(10)), At(seconds(12)), 2);
  {
    GapJournal journal(lane.path());
    ASSERT_TRUE(journal.BeginLife(kNoon, std::nullopt));
    ASSERT_TRUE(journal.Add(first));
    ASSERT_TRUE(journal.Add(second));
  }
  const std::string path = lane.path() + "/" + kGapJournalName;
  const std::string bytes = Bytes(path);
  for (size_t at = 0; at < kGapRecordSize; at++) {
    std::string damaged = bytes;
    damaged[kGapRecordsOffset + at] = static_cast<char>(~damaged[kGapRecordsOffset + at]);
    Write(path, damaged);
    EXPECT_THAT(Read(lane, kNoon), ElementsAre(second)) << at;
  }
}

TEST(GapJournal, ARemovedDirectoryGetsTheWholeJournalAgain) {
  TemporaryDirectory archive;
  const std::string lane = archive.path() + "/eth0";
  std::filesystem::create_directory(lane);
  GapJournal journal(lane);
  ASSERT_TRUE(journal.BeginLife(kNoon, std::nullopt));
  const Gap first = Drops(At(seconds(1)), At(seconds(2)), 1);
  ASSERT_TRUE(journal.Add(first));
  std::filesystem::remove_all(lane);
  EXPECT_FALSE(journal.Beat(At(seconds(3)), At(seconds(3))));
  const Gap second = Drops(At(seconds(10)), At(seconds(12)), 2);
  EXPECT_FALSE(journal.Add(second));
  std::filesystem::create_directory(lane);
  ASSERT_TRUE(journal.Beat(At(seconds(13)), At(seconds(13))));
  const auto gaps = ReadGaps(lane, At(seconds(13)));
  ASSERT_TRUE(gaps);
  EXPECT_THAT(*gaps, ElementsAre(first, second));
}

TEST(GapJournal, RoomIsTakenInAdvance) {
  TemporaryDirectory lane;
  GapJournal journal(lane.path());
  ASSERT_TRUE(journal.BeginLife(kNoon, std::nullopt));
  struct stat before, after;
  ASSERT_EQ(::stat((lane.path() + "/" + kGapJournalName).c_str(), &before), 0);
  for (size_t i = 0; i < kGapRecordsAtOnce; i++)
    ASSERT_TRUE(journal.Add(Drops(At(seconds(10 * i)), At(seconds(10 * i + 1)), 1)));
  ASSERT_EQ(::stat((lane.path() + "/" + kGapJournalName).c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
  EXPECT_EQ(before.st_blocks, after.st_blocks);
  EXPECT_GE(static_cast<size_t>(before.st_blocks) * 512, kGapRecordsOffset + kGapRecordsAtOnce * kGapRecordSize);
}

}  // namespace
}  // namespace dashcap
