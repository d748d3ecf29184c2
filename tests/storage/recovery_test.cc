#include "storage/recovery.h"

#include <gmock/gmock.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "base/file_descriptor.h"
#include "packet/capture_reader.h"
#include "storage/blockfile_reader.h"
#include "storage/catalog.h"
#include "storage/lane_writer.h"
#include "tests/storage/temporary_directory.h"

namespace dashcap {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

const Timestamp kNoon = FromUnixNanoseconds(1'795'492'800'000'000'000);
constexpr size_t kPacketBytes = 60'000;  // 17 in a block
constexpr int kPackets = 100;

Timestamp TimeOf(int number) { return kNoon + std::chrono::milliseconds(number); }

// A lane with one blockfile as a crash leaves it: hidden, and what the test does to it.
class Recovery : public testing::Test {
 protected:
  void SetUp() override {
    lane_ = archive_.path() + "/eth0";
    LaneOptions options;
    options.directory = lane_;
    auto writer = LaneWriter::Open(options, {Interface{"eth0", "", "", LinkType::kEthernet, 0}}, [](LaneEvent) {});
    ASSERT_TRUE(writer) << writer.error().message;
    std::vector<uint8_t> bytes(kPacketBytes);
    for (int i = 0; i < kPackets; i++) {
      std::fill(bytes.begin(), bytes.end(), static_cast<uint8_t>(i));
      Packet packet;
      packet.timestamp = TimeOf(i);
      packet.original_length = kPacketBytes;
      packet.bytes = bytes;
      ASSERT_TRUE((*writer)->Append(packet));
    }
    ASSERT_TRUE((*writer)->Finish());
    const auto files = ListLane(lane_);
    ASSERT_TRUE(files);
    ASSERT_EQ(files->size(), 1u);
    published_ = files->front().path();
    hidden_ = lane_ + "/" + BlockfileName(files->front().start, true, Packing::kPlain);
    auto reader = BlockfileReader::Open(published_);
    ASSERT_TRUE(reader);
    std::vector<DamagedRange> damage;
    auto blocks = reader->Blocks(damage);
    ASSERT_TRUE(blocks && damage.empty());
    blocks_ = *blocks;
    ASSERT_GE(blocks_.size(), 5u);
    fs::rename(published_, hidden_);
  }

  RecoveryReport Recover() {
    const auto report = RecoverLane(lane_);
    EXPECT_TRUE(report) << (report ? "" : report.error().message);
    EXPECT_THAT(report->failures, IsEmpty());
    return report ? *report : RecoveryReport();
  }

  BlockfileEntry EntryAt(int number) const {
    BlockfileEntry entry;
    entry.lane_directory = lane_;
    entry.start = TimeOf(number);
    return entry;
  }

  void Zero(const BlockSummary& block) {
    std::fstream file(hidden_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(block.offset));
    const std::string zeros(block.length, '\0');
    file.write(zeros.data(), static_cast<std::streamsize>(zeros.size()));
  }

  // The numbers of the packets that the published file gives to a reader that knows pcapng, and nothing of blocks.
  std::set<int> PacketsInPublished() {
    auto capture = OpenCapture(published_);
    EXPECT_TRUE(capture) << (capture ? "" : capture.error().message);
    std::set<int> numbers;
    while (capture) {
      auto packet = (*capture)->Next();
      EXPECT_TRUE(packet) << (packet ? "" : packet.error().message);
      if (!packet || !*packet) break;
      const int number = (*packet)->bytes.front();
      EXPECT_EQ((*packet)->timestamp, TimeOf(number));
      EXPECT_EQ((*packet)->bytes.size(), kPacketBytes);
      EXPECT_TRUE(numbers.insert(number).second) << number << " twice";
    }
    return numbers;
  }

  static std::set<int> PacketsOf(const BlockSummary& block) {
    std::set<int> numbers;
    for (uint32_t i = 0; i < block.packet_count; i++) numbers.insert(static_cast<int>(block.first_packet_number + i));
    return numbers;
  }

  TemporaryDirectory archive_;
  std::string lane_;
  std::string hidden_;
  std::string published_;
  std::vector<BlockSummary> blocks_;
};

TEST_F(Recovery, AWholeFileIsPublishedAsItIs) {
  const auto size = fs::file_size(hidden_);
  const RecoveryReport report = Recover();
  EXPECT_EQ(report.files_published, 1u);
  EXPECT_EQ(report.bytes_cut, 0u);
  EXPECT_THAT(report.gaps, IsEmpty());
  EXPECT_THAT(report.unindexed, ElementsAre(published_));
  EXPECT_EQ(report.last_packet, TimeOf(kPackets - 1));
  EXPECT_FALSE(fs::exists(hidden_));
  EXPECT_EQ(fs::file_size(published_), size);
  EXPECT_EQ(PacketsInPublished().size(), static_cast<size_t>(kPackets));
}

TEST_F(Recovery, ACutFileKeepsItsWholeBlocks) {
  const std::string whole = archive_.path() + "/whole";
  fs::copy_file(hidden_, whole);
  const uint64_t size = fs::file_size(whole);
  for (uint64_t cut = 0; cut <= size; cut += 40'961) {
    SCOPED_TRACE(cut);
    fs::remove(published_);
    fs::copy_file(whole, hidden_, fs::copy_options::overwrite_existing);
    fs::resize_file(hidden_, cut);
    std::set<int> expected;
    for (const BlockSummary& block : blocks_) {
      if (block.offset + block.length <= cut) expected.merge(PacketsOf(block));
    }
    const RecoveryReport report = Recover();
    EXPECT_EQ(report.files_published + report.files_empty, 1u);
    EXPECT_EQ(report.files_empty, expected.empty() ? 1u : 0u);
    EXPECT_FALSE(fs::exists(hidden_));
    if (expected.empty()) {
      EXPECT_FALSE(fs::exists(published_));
    } else {
      EXPECT_EQ(PacketsInPublished(), expected);
    }
  }
}

TEST_F(Recovery, BlocksThatWereNeverWrittenAreGapsInAFileThatStaysWhole) {
  for (size_t missing = 0; missing + 1 < blocks_.size(); missing++) {
    SCOPED_TRACE(missing);
    if (missing > 0) SetUp();
    Zero(blocks_[missing]);
    const RecoveryReport report = Recover();
    std::set<int> expected;
    for (size_t i = 0; i < blocks_.size(); i++) {
      if (i != missing) expected.merge(PacketsOf(blocks_[i]));
    }
    EXPECT_EQ(PacketsInPublished(), expected);
    ASSERT_EQ(report.gaps.size(), 1u);
    const Gap& gap = report.gaps.front();
    EXPECT_EQ(gap.reason, GapReason::kNeverWritten);
    EXPECT_EQ(gap.packets, blocks_[missing].packet_count);
    EXPECT_LE(gap.begin, blocks_[missing].first_time);
    EXPECT_GT(gap.end, blocks_[missing].last_time);
    EXPECT_EQ(gap.end, blocks_[missing + 1].first_time);
    if (missing > 0) {
      EXPECT_GT(gap.begin, blocks_[missing - 1].last_time);
    }
    fs::remove_all(lane_);
  }
}

TEST_F(Recovery, AFileWithoutAPacketIsRemoved) {
  fs::resize_file(hidden_, blocks_.front().offset);
  const RecoveryReport report = Recover();
  EXPECT_EQ(report.files_empty, 1u);
  EXPECT_FALSE(fs::exists(hidden_));
  EXPECT_FALSE(fs::exists(published_));
  EXPECT_EQ(report.last_packet, std::nullopt);
}

TEST_F(Recovery, IndexesWithoutTheirBlockfileGo) {
  const auto index_of = [this](int number) { return EntryAt(number).index_path(); };
  const std::string of_recovered = index_of(0);
  const std::string stray = index_of(1);
  const std::string unfinished = lane_ + "/." + fs::path(of_recovered).filename().string();
  for (const std::string& path : {of_recovered, stray, unfinished}) std::ofstream(path) << "index";
  const RecoveryReport report = Recover();
  EXPECT_EQ(report.orphan_indexes, 2u);
  EXPECT_TRUE(fs::exists(of_recovered));
  EXPECT_FALSE(fs::exists(stray));
  EXPECT_FALSE(fs::exists(unfinished));
}

// With tens of thousands of blockfiles, opening each would keep the recording waiting.
TEST_F(Recovery, OpensNoPublishedFileButTheNewest) {
  fs::rename(hidden_, published_);
  for (int i = 1; i <= 20; i++) fs::copy_file(published_, EntryAt(i).path());
  FileDescriptor watch(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  ASSERT_TRUE(watch.valid());
  ASSERT_GE(::inotify_add_watch(watch.get(), lane_.c_str(), IN_OPEN), 0);
  const RecoveryReport report = Recover();
  EXPECT_EQ(report.unindexed.size(), 21u);
  std::set<std::string> opened;
  alignas(inotify_event) std::array<char, 65536> events;
  const ssize_t size = ::read(watch.get(), events.data(), events.size());
  for (ssize_t at = 0; at < size;) {
    inotify_event event;
    std::memcpy(&event, &events[static_cast<size_t>(at)], sizeof event);
    if (event.len > 0) opened.insert(&events[static_cast<size_t>(at) + sizeof event]);
    at += static_cast<ssize_t>(sizeof event + event.len);
  }
  EXPECT_THAT(opened, ElementsAre(BlockfileName(TimeOf(20), false, Packing::kPlain)));
}

TEST(LaneLockTest, OnlyOneWritesIntoALane) {
  TemporaryDirectory archive;
  const std::string lane = archive.path() + "/eth0";
  {
    const auto first = LaneLock::Take(lane);
    ASSERT_TRUE(first);
    const auto second = LaneLock::Take(lane);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, ErrorKind::kUnavailable);
  }
  EXPECT_TRUE(LaneLock::Take(lane));
}

}  // namespace
}  // namespace dashcap
