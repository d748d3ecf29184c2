#include "storage/recovery.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "storage/blockfile_header.h"
#include "storage/catalog.h"
#include "storage/open_blockfile.h"
#include "storage/verify.h"
#include "tests/storage/temporary_directory.h"
#include "tests/storage/written_blockfile.h"

namespace dashcap {
namespace {

namespace fs = std::filesystem;

// A lane with one blockfile as a crash leaves it, hidden and with bytes that the test chooses.
class DamagedFileRecoveryTest : public testing::Test {
 protected:
  void Store(size_t packets, size_t size, size_t per_block) {
    sent_ = MakeSent(packets, size);
    published_ = WriteBlockfile(lane_.path(), sent_, per_block);
    bytes_ = BytesOf(published_);
    blocks_ = ReadBackFrom(published_, sent_).blocks;
    hidden_ = lane_.path() + "/." + fs::path(published_).filename().string();
    fs::remove(published_);
  }

  RecoveryReport Recover(std::string_view bytes) {
    fs::remove(published_);
    WriteBytes(hidden_, bytes);
    const auto report = RecoverLane(lane_.path());
    EXPECT_TRUE(report) << report.error().message;
    EXPECT_FALSE(fs::exists(hidden_));
    return report.value_or(RecoveryReport{});
  }

  // The file without what was to stand in some blocks.
  std::string Without(const std::vector<size_t>& blocks) const {
    std::string bytes = bytes_;
    for (const size_t i : blocks) bytes.replace(blocks_[i].offset, blocks_[i].length, blocks_[i].length, '\0');
    return bytes;
  }

  // Walks the published file as a pcapng, record by record (draft-ietf-opsawg-pcapng, section 3.1). False where it is none.
  bool IsPcapng() const {
    const std::string bytes = BytesOf(published_);
    const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
    if (bytes.size() < 12 || LoadLittle32(data) != 0x0A0D0D0A) return false;
    size_t at = 0;
    while (at + 12 <= bytes.size()) {
      const uint32_t length = LoadLittle32(data + at + 4);
      constexpr uint32_t kLongestThatReadersTake = 16 << 20;
      if (length < 12 || length % 4 != 0 || length > kLongestThatReadersTake || length > bytes.size() - at)
        return false;
      if (LoadLittle32(data + at + length - 4) != length) return false;
      at += length;
    }
    return at == bytes.size();
  }

  const TemporaryDirectory lane_{kInMemory};
  std::vector<Sent> sent_;
  std::string published_;
  std::string hidden_;
  std::string bytes_;
  std::vector<BlockSummary> blocks_;
};

TEST_F(DamagedFileRecoveryTest, CutAtEveryByteOfTheLastBlock) {
  Store(12, 60, 4);
  for (size_t size = blocks_[2].offset; size <= bytes_.size(); size++) {
    const RecoveryReport report = Recover(std::string_view(bytes_).substr(0, size));
    const bool whole = size == bytes_.size();
    ASSERT_EQ(report.files_published, 1) << "cut at " << size;
    ASSERT_EQ(report.bytes_cut, whole ? 0 : size - blocks_[2].offset) << "cut at " << size;
    ASSERT_EQ(report.unindexed, std::vector<std::string>{published_}) << "cut at " << size;
    const ReadBack back = ReadBackFrom(published_, sent_);
    ASSERT_EQ(back.numbers, Numbers(0, whole ? 12 : 8)) << "cut at " << size;
    ASSERT_EQ(back.wrong, 0) << "cut at " << size;
    ASSERT_TRUE(back.damage.empty()) << "cut at " << size << ": " << back.damage[0].reason;
  }
}

TEST_F(DamagedFileRecoveryTest, PreallocatedTailIsCut) {
  Store(12, 60, 4);
  for (const size_t tail : {1, 4096, 70'000, 3'000'000}) {
    const RecoveryReport report = Recover(bytes_ + std::string(tail, '\0'));
    EXPECT_EQ(report.bytes_cut, tail);
    EXPECT_EQ(BytesOf(published_), bytes_);
  }
}

TEST_F(DamagedFileRecoveryTest, BlocksThatWereOnTheirWayBecomeGaps) {
  Store(20, 60, 4);
  struct Case {
    const char* label;
    std::vector<size_t> missing;
    std::vector<uint64_t> lost;  // packets that each gap lost, in file order
    std::vector<uint64_t> left;
  };
  const std::vector<Case> cases = {
      {"one in the middle", {2}, {4}, {0, 1, 2, 3, 4, 5, 6, 7, 12, 13, 14, 15, 16, 17, 18, 19}},
      {"the first", {0}, {4}, {4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19}},
      {"two together", {1, 2}, {8}, {0, 1, 2, 3, 12, 13, 14, 15, 16, 17, 18, 19}},
      {"two apart", {0, 3}, {4, 4}, {4, 5, 6, 7, 8, 9, 10, 11, 16, 17, 18, 19}},
      {"the last, which is cut off", {4}, {}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.label);
    EXPECT_EQ(Recover(Without(c.missing)).files_published, 1);
    EXPECT_TRUE(IsPcapng());
    const ReadBack back = ReadBackFrom(published_, sent_);
    EXPECT_EQ(back.numbers, c.left);
    EXPECT_EQ(back.wrong, 0);
    std::vector<uint64_t> lost;
    for (const DamagedRange& range : back.damage) {
      EXPECT_TRUE(range.never_written) << range.reason;
      lost.insert(lost.begin(), range.packets);
    }
    EXPECT_EQ(lost, c.lost);
    const auto verified = VerifyBlockfile(published_, nullptr);
    ASSERT_TRUE(verified);
    EXPECT_TRUE(verified->damage.empty());
    EXPECT_EQ(verified->never_written.size(), c.lost.size());
  }
}

// What was torn keeps its closing record, and may lie between two that are missing.
TEST_F(DamagedFileRecoveryTest, AGapHidesWhatIsLeftInIt) {
  Store(20, 60, 4);
  std::string bytes = Without({1, 3});
  bytes[blocks_[2].offset + 40] ^= 1;
  EXPECT_EQ(Recover(bytes).files_published, 1);
  EXPECT_TRUE(IsPcapng());
  const ReadBack back = ReadBackFrom(published_, sent_);
  EXPECT_EQ(back.numbers, (std::vector<uint64_t>{0, 1, 2, 3, 16, 17, 18, 19}));
  ASSERT_EQ(back.damage.size(), 1);
  EXPECT_TRUE(back.damage[0].never_written);
  EXPECT_EQ(back.damage[0].packets, 12);
}

TEST_F(DamagedFileRecoveryTest, ATornBlockLeavesNoDamageBehind) {
  Store(12, 60, 4);
  for (size_t at = blocks_[0].offset; at < bytes_.size(); at += 61) {
    std::string bytes = bytes_;
    bytes[at] ^= 0x10;
    ASSERT_EQ(Recover(bytes).files_published, 1) << "byte " << at;
    ASSERT_TRUE(IsPcapng()) << "byte " << at;
    const ReadBack back = ReadBackFrom(published_, sent_);
    ASSERT_EQ(back.wrong, 0) << "byte " << at;
    ASSERT_GE(back.numbers.size(), 8) << "byte " << at;
    for (const DamagedRange& range : back.damage) ASSERT_TRUE(range.never_written) << "byte " << at;
  }
}

TEST_F(DamagedFileRecoveryTest, ALongGapIsSeveralRecords) {
  Store(8, 60, 4);
  // The last block, written anew 17 MiB further on.
  constexpr uint64_t kFar = 17 << 20;
  auto closing = *BlockfileReader::Open([&] {
                    WriteBytes(published_, bytes_);
                    return published_;
                  }())
                      ->Closing(blocks_[1]);
  std::string block = bytes_.substr(blocks_[1].offset, blocks_[1].length);
  closing.block_offset += kFar;
  EncodeClosingRecord(closing,
                      std::span(reinterpret_cast<uint8_t*>(block.data()), block.size()).subspan(closing.record_offset));
  std::string bytes = bytes_.substr(0, blocks_[1].offset);
  bytes.resize(blocks_[1].offset + kFar, '\0');
  EXPECT_EQ(Recover(bytes + block).files_published, 1);
  EXPECT_TRUE(IsPcapng());
  const ReadBack back = ReadBackFrom(published_, sent_);
  EXPECT_EQ(back.numbers, Numbers(0, 8));
  EXPECT_EQ(back.damage.size(), 3);
  for (const DamagedRange& range : back.damage) EXPECT_TRUE(range.never_written) << range.reason;
}

TEST_F(DamagedFileRecoveryTest, ADamagedHeaderIsWrittenAnew) {
  Store(12, 60, 4);
  for (const size_t at : {0, 9, 30, 90, 200}) {
    std::string bytes = bytes_;
    bytes[at] ^= 1;
    EXPECT_EQ(Recover(bytes).files_published, 1) << "byte " << at;
    EXPECT_TRUE(IsPcapng()) << "byte " << at;
    const ReadBack back = ReadBackFrom(published_, sent_);
    EXPECT_EQ(back.numbers, Numbers(0, 12)) << "byte " << at;
    EXPECT_TRUE(back.damage.empty()) << "byte " << at;
  }
}

TEST_F(DamagedFileRecoveryTest, AFileWithoutASoundPacketIsRemoved) {
  Store(4, 60, 4);
  for (const std::string& bytes : {std::string(), bytes_.substr(0, 100), bytes_.substr(0, kBlockAlignment),
                                   bytes_.substr(0, bytes_.size() - 1), std::string(100'000, '\0')}) {
    const RecoveryReport report = Recover(bytes);
    EXPECT_EQ(report.files_empty, 1) << bytes.size();
    EXPECT_EQ(report.files_published, 0) << bytes.size();
    EXPECT_FALSE(fs::exists(published_)) << bytes.size();
  }
}

TEST_F(DamagedFileRecoveryTest, IndexesWithoutABlockfileAreRemovedAndBlockfilesWithoutAnIndexAreTold) {
  Store(4, 60, 4);
  WriteBytes(published_, bytes_);
  const std::string index = fs::path(published_).replace_extension(kIndexSuffix);
  const std::string orphan = lane_.path() + "/1600000000000000000.index";
  const std::string unfinished = lane_.path() + "/.1600000000000000000.index";
  const std::string stranger = lane_.path() + "/notes.txt";
  for (const std::string& path : {index, orphan, unfinished, stranger}) WriteBytes(path, "x");
  auto report = RecoverLane(lane_.path());
  ASSERT_TRUE(report);
  EXPECT_EQ(report->orphan_indexes, 2);
  EXPECT_TRUE(report->unindexed.empty());
  EXPECT_TRUE(fs::exists(index) && fs::exists(stranger) && !fs::exists(orphan) && !fs::exists(unfinished));
  fs::remove(index);
  report = RecoverLane(lane_.path());
  ASSERT_TRUE(report);
  EXPECT_EQ(report->unindexed, std::vector<std::string>{published_});
}

}  // namespace
}  // namespace dashcap
