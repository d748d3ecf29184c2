#include "storage/verify.h"

#include <gtest/gtest.h>

#include "base/byte_order.h"
#include "base/crc32c.h"
#include "tests/storage/temporary_directory.h"
#include "tests/storage/written_blockfile.h"

namespace dashcap {
namespace {

class VerifyTest : public testing::Test {
 protected:
  VerifyTest() : sent_(MakeSent(300, 900)), path_(WriteBlockfile(lane_.path(), sent_, 100)), bytes_(BytesOf(path_)) {
    blocks_ = ReadBackFrom(path_, sent_).blocks;
  }

  // The reasons for damage, without the path.
  std::vector<std::string> Damage() {
    const auto report = VerifyBlockfile(path_, nullptr);
    EXPECT_TRUE(report) << report.error().message;
    std::vector<std::string> reasons;
    for (const DamagedRange& range : report->damage) reasons.push_back(range.reason.substr(path_.size() + 2));
    return reasons;
  }

  // The file with another closing record, whose checksum is right, in the second block.
  void Contradict(void (*change)(ClosingRecord&)) {
    WriteBytes(path_, bytes_);
    ClosingRecord closing = *BlockfileReader::Open(path_)->Closing(blocks_[1]);
    std::string bytes = bytes_;
    auto* block = reinterpret_cast<uint8_t*>(bytes.data()) + closing.block_offset;
    const size_t record_offset = closing.record_offset;
    const size_t length = closing.block_length - record_offset;
    change(closing);
    EncodeClosingRecord(closing, std::span(block + record_offset, length));
    WriteBytes(path_, bytes);
  }

  const TemporaryDirectory lane_;
  std::vector<Sent> sent_;
  std::string path_;
  std::string bytes_;
  std::vector<BlockSummary> blocks_;
};

TEST_F(VerifyTest, ASoundFile) {
  std::vector<uint64_t> progress;
  const auto report = VerifyBlockfile(path_, [&progress](uint64_t bytes) { progress.push_back(bytes); });
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->damage.empty());
  EXPECT_TRUE(report->never_written.empty());
  EXPECT_EQ(report->packets, sent_.size());
  EXPECT_EQ(report->blocks, 3);
  EXPECT_EQ(report->bytes, bytes_.size());
  ASSERT_EQ(progress.size(), 3);
  EXPECT_EQ(progress.back(), bytes_.size());
}

TEST_F(VerifyTest, EveryDamagedPartIsNamed) {
  std::string bytes = bytes_;
  bytes[20] ^= 1;
  bytes[blocks_[0].offset + 5] ^= 1;
  bytes[blocks_[2].offset + 3 * kPageSize + 5] ^= 1;
  WriteBytes(path_, bytes);
  const std::vector<std::string> damage = Damage();
  ASSERT_EQ(damage.size(), 3);
  EXPECT_EQ(damage[0].find("header block: "), 0);
  EXPECT_EQ(damage[1], "block at 4096: page 0: checksum mismatch");
  EXPECT_EQ(damage[2], "block at " + std::to_string(blocks_[2].offset) + ": page 3: checksum mismatch");
}

TEST_F(VerifyTest, AClosingRecordThatContradictsItsPackets) {
  const std::string block = "block at " + std::to_string(blocks_[1].offset) + ": ";
  Contradict([](ClosingRecord& closing) { closing.packet_count = 99; });
  EXPECT_EQ(Damage(), (std::vector<std::string>{block + "holds 100 packets, says 99"}));
  Contradict([](ClosingRecord& closing) { closing.last_time += Nanoseconds(1); });
  EXPECT_EQ(Damage(), (std::vector<std::string>{block + "first or last time differs from its packets"}));
  Contradict([](ClosingRecord& closing) { closing.first_packet_number = 50; });
  EXPECT_EQ(Damage(), (std::vector<std::string>{block + "numbers its packets from 50, expected 100"}));
}

TEST_F(VerifyTest, ACutFile) {
  WriteBytes(path_, std::string_view(bytes_).substr(0, bytes_.size() - 1));
  const std::vector<std::string> damage = Damage();
  ASSERT_EQ(damage.size(), 1);
  EXPECT_EQ(damage[0], "block at " + std::to_string(blocks_[2].offset) + ": no sound closing record");
}

}  // namespace
}  // namespace dashcap
