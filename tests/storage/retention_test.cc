#include "storage/retention.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "base/capabilities.h"
#include "base/file_descriptor.h"
#include "tests/storage/temporary_directory.h"

namespace dashcap {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

const Timestamp kNow = FromUnixNanoseconds(1'795'492'800'000'000'000);
constexpr uint64_t kFileBytes = 1000;
constexpr DiskSpace kEnoughSpace{1'000'000, 900'000};

struct File {
  const char* lane;
  Nanoseconds before_now;
  enum class State { kPublished, kOpen, kPinned } state = State::kPublished;
};

BlockfileEntry Entry(const File& file) {
  BlockfileEntry entry;
  entry.lane = file.lane;
  entry.lane_directory = std::string("/archive/") + file.lane;
  entry.start = kNow - file.before_now;
  entry.open = file.state == File::State::kOpen;
  entry.pinned = file.state == File::State::kPinned;
  entry.bytes = kFileBytes;
  return entry;
}

// Each as "lane seconds-before-now", in the order of removal.
std::vector<std::string> Removed(std::vector<File> files, const RetentionLimits& limits, const DiskSpace& space) {
  std::vector<BlockfileEntry> entries;
  for (const File& file : files) entries.push_back(Entry(file));
  std::stable_sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.start < b.start; });
  std::vector<std::string> removed;
  for (const BlockfileEntry& file : FilesToRemove(entries, limits, space, kNow)) {
    const auto before = std::chrono::duration_cast<seconds>(kNow - file.start).count();
    removed.push_back(file.lane + " " + std::to_string(before));
  }
  return removed;
}

struct Case {
  const char* label;
  std::vector<File> files;
  uint64_t max_bytes;
  std::vector<std::string> removed;
};

TEST(Retention, RemovesTheOldestAndNoMoreThanNeeded) {
  using State = File::State;
  const std::vector<Case> cases = {
      {"within the limit", {{"a", seconds(30)}, {"a", seconds(20)}}, 2000, {}},
      {"one byte too much", {{"a", seconds(30)}, {"a", seconds(20)}, {"a", seconds(10)}}, 2999, {"a 30"}},
      {"two lanes, oldest of both",
       {{"a", seconds(30)}, {"a", seconds(10)}, {"b", seconds(40)}, {"b", seconds(20)}, {"b", seconds(5)}},
       3000,
       {"b 40", "a 30"}},
      {"pinned and open stay",
       {{"a", seconds(40), State::kPinned}, {"a", seconds(30)}, {"a", seconds(20)}, {"a", seconds(10), State::kOpen}},
       1,
       {"a 30"}},
      {"the newest published of each lane stays",
       {{"a", seconds(30)}, {"b", seconds(20)}, {"b", seconds(10)}, {"a", seconds(5), State::kOpen}},
       1,
       {"b 20"}},
      {"written under a clock that was years ahead: first, and not taken for the newest",
       {{"a", seconds(30)}, {"a", seconds(20)}, {"a", -hours(24 * 365)}, {"a", seconds(10)}},
       3000,
       {"a -31536000"}},
      {"the clock was set back a little: by the time of the packets",
       {{"a", hours(30)}, {"a", hours(20)}, {"a", -hours(1)}, {"a", seconds(10)}},
       3000,
       {"a 108000"}},
      {"the clock was set back by more than there is: files of before go first",
       {{"a", -minutes(59)}, {"a", -minutes(58)}, {"a", -minutes(57)}, {"a", seconds(20)}, {"a", seconds(10)}},
       3000,
       {"a -3420", "a -3480"}},
      {"nothing but files of before the clock was set back",
       {{"a", -minutes(59)}, {"a", -minutes(58)}, {"a", -minutes(57)}},
       1,
       {"a -3420", "a -3480"}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.label);
    RetentionLimits limits;
    limits.min_free_percent = 0;
    limits.max_bytes = c.max_bytes;
    EXPECT_EQ(Removed(c.files, limits, kEnoughSpace), c.removed);
  }
}

TEST(Retention, FreesWhatTheDiskLacks) {
  RetentionLimits limits;
  limits.min_free_percent = 10;
  const std::vector<File> files = {{"a", seconds(40)}, {"a", seconds(30)}, {"a", seconds(20)}, {"a", seconds(10)}};
  EXPECT_THAT(Removed(files, limits, {100'000, 10'000}), IsEmpty());
  EXPECT_THAT(Removed(files, limits, {100'000, 9'999}), ElementsAre("a 40"));
  EXPECT_THAT(Removed(files, limits, {100'000, 8'999}), ElementsAre("a 40", "a 30"));
  limits.min_free_bytes = 12'000;
  EXPECT_THAT(Removed(files, limits, {100'000, 10'000}), ElementsAre("a 40", "a 30"));
}

TEST(Retention, RemovesByTheAgeOfTheYoungestPacket) {
  RetentionLimits limits;
  limits.min_free_percent = 0;
  limits.max_age = hours(1);
  std::vector<BlockfileEntry> files = {Entry({"a", hours(3)}), Entry({"a", hours(2)}), Entry({"a", minutes(1)})};
  files[0].newest_packet_before = files[1].start;
  files[1].newest_packet_before = files[2].start;
  const auto remove = FilesToRemove(files, limits, kEnoughSpace, kNow);
  ASSERT_EQ(remove.size(), 1u);
  EXPECT_EQ(remove.front(), files[0]);
}

// An archive on disk whose files are only as real as retention looks at them.
class RetentionOnDisk : public testing::Test {
 protected:
  BlockfileEntry Make(const std::string& lane, Nanoseconds before_now, bool open = false) {
    BlockfileEntry file;
    file.lane = lane;
    file.lane_directory = archive_.path() + "/" + lane;
    file.start = kNow - before_now;
    file.open = open;
    std::filesystem::create_directories(file.lane_directory);
    std::ofstream(file.path()) << std::string(kFileBytes, 'x');
    if (!open) std::ofstream(file.index_path()) << std::string(kFileBytes, 'i');
    return file;
  }

  RetentionReport Apply(uint64_t max_bytes) {
    RetentionLimits limits;
    limits.min_free_percent = 0;
    limits.max_bytes = max_bytes;
    const auto report = retention_.Round(limits, kNow);
    EXPECT_TRUE(report) << (report ? "" : report.error().message);
    return report ? *report : RetentionReport();
  }

  TemporaryDirectory archive_;
  Retention retention_{archive_.path()};
};

TEST_F(RetentionOnDisk, KnowsWhatChangesBetweenRounds) {
  const BlockfileEntry growing = Make("a", seconds(30), true);
  Make("b", seconds(20));
  EXPECT_EQ(Apply(1'000'000).archive_bytes, 3 * kFileBytes);
  std::ofstream(growing.path(), std::ios::app) << std::string(kFileBytes, 'x');
  EXPECT_EQ(Apply(1'000'000).archive_bytes, 4 * kFileBytes);
  BlockfileEntry published = growing;
  published.open = false;
  std::filesystem::rename(growing.path(), published.path());
  EXPECT_EQ(Apply(1'000'000).archive_bytes, 4 * kFileBytes);
  std::ofstream(published.index_path()) << std::string(kFileBytes, 'i');
  EXPECT_EQ(Apply(1'000'000).archive_bytes, 5 * kFileBytes);
  std::filesystem::remove(published.path());
  std::filesystem::remove(published.index_path());
  EXPECT_EQ(Apply(1'000'000).archive_bytes, 2 * kFileBytes);
}

TEST_F(RetentionOnDisk, CountsAndRemovesBlockfilesWithTheirIndexes) {
  const BlockfileEntry first = Make("a", seconds(30));
  const BlockfileEntry second = Make("b", seconds(20));
  Make("a", seconds(10));
  Make("b", seconds(5));
  Make("a", seconds(1), true);
  const RetentionReport report = Apply(7000);
  EXPECT_EQ(report.files_removed, 1u);
  EXPECT_EQ(report.bytes_removed, 2 * kFileBytes);
  EXPECT_EQ(report.archive_bytes, 7 * kFileBytes);
  EXPECT_EQ(report.oldest, second.start);
  EXPECT_FALSE(std::filesystem::exists(first.path()));
  EXPECT_FALSE(std::filesystem::exists(first.index_path()));
}

TEST_F(RetentionOnDisk, PinKeepsAFile) {
  const BlockfileEntry pinned = Make("a", seconds(30));
  const BlockfileEntry next = Make("a", seconds(20));
  Make("a", seconds(10));
  std::ofstream(std::filesystem::path(pinned.path()).replace_extension(".pin").string()) << "";
  EXPECT_EQ(Apply(4000).files_removed, 1u);
  EXPECT_TRUE(std::filesystem::exists(pinned.path()));
  EXPECT_FALSE(std::filesystem::exists(next.path()));
}

TEST_F(RetentionOnDisk, AFileThatCannotBeRemovedDoesNotKeepTheNextOne) {
  const BlockfileEntry stuck = Make("a", seconds(30));
  const BlockfileEntry next = Make("a", seconds(20));
  Make("a", seconds(10));
  auto file = OpenFile(stuck.path(), O_RDONLY);
  ASSERT_TRUE(file);
  int flags = FS_IMMUTABLE_FL;
  if (::ioctl(file->get(), FS_IOC_SETFLAGS, &flags) != 0) GTEST_SKIP() << "no immutable files here";
  const RetentionReport report = Apply(4000);
  flags = 0;
  ASSERT_EQ(::ioctl(file->get(), FS_IOC_SETFLAGS, &flags), 0);
  EXPECT_TRUE(std::filesystem::exists(stuck.path()));
  EXPECT_FALSE(std::filesystem::exists(next.path()));
  EXPECT_EQ(report.files_removed, 1u);
  EXPECT_THAT(report.failure, testing::HasSubstr(stuck.path()));
}

TEST_F(RetentionOnDisk, ALaneThatCannotBeListedDoesNotKeepTheOthers) {
  const BlockfileEntry old = Make("a", seconds(30));
  Make("a", seconds(10));
  const std::string closed = archive_.path() + "/b";
  std::filesystem::create_directory(closed);
  std::filesystem::permissions(closed, std::filesystem::perms::none);
  RetentionReport report;
  // Without capabilities, root may not list everything either.
  std::thread([&] {
    ASSERT_TRUE(KeepCapabilities({}));
    report = Apply(2000);
  }).join();
  std::filesystem::permissions(closed, std::filesystem::perms::owner_all);
  EXPECT_FALSE(std::filesystem::exists(old.path()));
  EXPECT_THAT(report.failure, testing::HasSubstr(closed));
}

// The index of a file may be renamed into place at any moment while the file is removed.
TEST_F(RetentionOnDisk, NoIndexIsLeftWhenItsWriterAndRetentionRace) {
  constexpr int kRounds = 2000;
  for (int i = 0; i < kRounds; i++) {
    const BlockfileEntry file = Make("a", seconds(30));
    const std::string hidden = file.lane_directory + "/.new-index";
    std::ofstream(hidden) << "index";
    std::atomic<bool> go = false;
    // What FileIndexer::WriteTable does at its end.
    std::thread writer([&] {
      while (!go) {
      }
      ::rename(hidden.c_str(), file.index_path().c_str());
      if (::access(file.path().c_str(), F_OK) != 0) ::unlink(file.index_path().c_str());
    });
    go = true;
    const Status removed = RemoveBlockfile(file);
    writer.join();
    ASSERT_TRUE(removed);
    ASSERT_FALSE(std::filesystem::exists(file.index_path())) << "round " << i;
  }
}

struct PauseCase {
  const char* label;
  uint64_t max_bytes;  // 0: none
  uint64_t min_free_bytes;
  double bytes_per_second;
  Nanoseconds expected;
};

TEST(Retention, RoundsComeAsFastAsTheArchiveGrows) {
  constexpr Nanoseconds kLongest = seconds(1);
  const PauseCase cases[] = {
      {"nothing grows", 1 << 30, 0, 0, kLongest},
      {"no limits", 0, 0, 1e9, kLongest},
      {"slow growth", 200'000'000, 0, 1000, kLongest},
      {"a quarter percent in a tenth of a second", 400'000'000, 0, 10'000'000, std::chrono::milliseconds(100)},
      {"half of the reserve in a tenth of a second", 0, 2'000'000, 10'000'000, std::chrono::milliseconds(100)},
      {"never without a pause", 1'000'000, 0, 1e12, std::chrono::milliseconds(10)},
  };
  for (const PauseCase& c : cases) {
    SCOPED_TRACE(c.label);
    RetentionLimits limits;
    if (c.max_bytes > 0) limits.max_bytes = c.max_bytes;
    limits.min_free_bytes = c.min_free_bytes;
    EXPECT_EQ(NextRoundIn(limits, c.bytes_per_second, kLongest), c.expected);
  }
}

}  // namespace
}  // namespace dashcap
