// Lanes that store their blocks as zstd frames. zstd(1) and tcpdump say what is in the files.

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "storage/blockfile_reader.h"
#include "storage/catalog.h"
#include "storage/lane_writer.h"
#include "storage/recovery.h"
#include "storage/verify.h"
#include "storage/zstd_frame.h"

namespace dashcap {
namespace {

namespace fs = std::filesystem;

std::vector<uint8_t> Contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void Overwrite(const std::string& path, const std::vector<uint8_t>& bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

class CompressedLaneTest : public testing::Test {
 protected:
  CompressedLaneTest() {
    std::string pattern = "/var/tmp/dashcap-zstd.XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    options_.directory = root_ + "/lane";
    options_.block_count = 8;
    options_.compression = LaneOptions::Compression{1, LaneOptions::Compression::Behind::kWait};
  }
  ~CompressedLaneTest() override { fs::remove_all(root_); }

  // Packets of text-like bytes, which compress, or of random ones, which don't.
  enum class Payload { kText, kRandom };
  std::string Record(size_t packets, Payload payload) {
    std::string path;
    auto writer = LaneWriter::Open(options_, {Interface{}}, [&](LaneEvent event) {
      if (const auto* published = std::get_if<BlockfilePublished>(&event)) path = published->path;
      if (const auto* sealed = std::get_if<BlockSealed>(&event)) sealed_.push_back(Summarize(sealed->block->closing));
    });
    EXPECT_TRUE(writer) << writer.error().message;
    std::mt19937_64 random(packets);
    for (size_t i = 0; i < packets; i++) {
      std::vector<uint8_t> bytes(60 + random() % 1400);
      for (uint8_t& byte : bytes)
        byte = static_cast<uint8_t>(payload == Payload::kText ? 'a' + random() % 4 : random());
      Packet packet;
      packet.timestamp = FromUnixNanoseconds(1'700'000'000'000'000'000 + static_cast<int64_t>(i) * 1000);
      packet.bytes = bytes;
      packet.original_length = static_cast<uint32_t>(bytes.size());
      EXPECT_TRUE((*writer)->Append(packet));
      packets_.push_back(std::move(bytes));
    }
    EXPECT_TRUE((*writer)->Finish());
    counts_ = (*writer)->counts();
    return path;
  }

  // What the file holds, read from end to end.
  std::vector<std::vector<uint8_t>> ReadAll(const std::string& path, std::vector<DamagedRange>& damage) {
    std::vector<std::vector<uint8_t>> found;
    auto reader = BlockfileReader::Open(path);
    EXPECT_TRUE(reader) << reader.error().message;
    if (!reader) return found;
    auto blocks = reader->Blocks(damage);
    EXPECT_TRUE(blocks) << blocks.error().message;
    std::vector<uint8_t> buffer;
    for (const BlockSummary& block : *blocks) {
      const auto keep = [&](const NumberedPacket& packet) {
        found.emplace_back(packet.packet.bytes.begin(), packet.packet.bytes.end());
        return true;
      };
      EXPECT_TRUE(reader->ReadBlock(block, buffer, keep, damage));
    }
    return found;
  }

  static int Shell(const std::string& command) { return std::system(command.c_str()); }

  std::string root_;
  LaneOptions options_;
  LaneCounts counts_;
  std::vector<BlockSummary> sealed_;
  std::vector<std::vector<uint8_t>> packets_;
};

TEST_F(CompressedLaneTest, EveryPacketComesBack) {
  for (const Payload payload : {Payload::kText, Payload::kRandom}) {
    packets_.clear();
    sealed_.clear();
    const std::string path = Record(10'000, payload);
    ASSERT_TRUE(path.ends_with(".pcapng.zst")) << path;
    std::vector<DamagedRange> damage;
    EXPECT_EQ(ReadAll(path, damage), packets_);
    EXPECT_TRUE(damage.empty()) << damage.front().reason;

    // The events, from which the index's directory is made, told the places in the file.
    auto reader = BlockfileReader::Open(path);
    ASSERT_TRUE(reader);
    EXPECT_EQ(*reader->Blocks(damage), sealed_);
    EXPECT_EQ(fs::file_size(path) % kBlockAlignment, 0u);

    std::vector<uint8_t> buffer;
    for (const BlockSummary& block : sealed_) {
      std::vector<NumberedPacket> some;
      const auto first = static_cast<uint32_t>(block.first_packet_number);
      const std::vector<uint32_t> numbers = {first, first + block.packet_count / 2, first + block.packet_count - 1};
      ASSERT_TRUE(reader->ReadPackets(block, numbers, buffer, some, damage));
      ASSERT_EQ(some.size(), numbers.size());
      for (size_t i = 0; i < some.size(); i++) {
        EXPECT_EQ(some[i].number, numbers[i]);
        EXPECT_TRUE(std::ranges::equal(some[i].packet.bytes, packets_[numbers[i]]));
      }
    }
  }
}

TEST_F(CompressedLaneTest, TextTakesLessThanHalfAndRandomBytesHardlyMore) {
  const std::string text = Record(10'000, Payload::kText);
  const uint64_t text_bytes = counts_.bytes;
  EXPECT_GT(counts_.compressed_blocks, 5u);
  EXPECT_LT(fs::file_size(text), text_bytes / 2);
  const std::string random = Record(10'000, Payload::kRandom);
  EXPECT_EQ(counts_.compressed_blocks, 0u);
  EXPECT_EQ(counts_.compression_skipped, 0u);
  // 32 bytes and padding to 4 are a packet's record; a block ends with at most 8 KiB of closing record and frame.
  const uint64_t blocks = sealed_.size() + 2;
  EXPECT_LE(fs::file_size(random), counts_.bytes + 10'000 * 36 + blocks * 2 * kBlockAlignment);
}

TEST_F(CompressedLaneTest, ZstdAndTcpdumpReadWhatIsPublished) {
  if (Shell("which zstd tcpdump capinfos > /dev/null") != 0) GTEST_SKIP() << "needs zstd, tcpdump and capinfos";
  const std::string path = Record(10'000, Payload::kText);
  EXPECT_EQ(Shell("zstd -qt " + path), 0);
  EXPECT_EQ(Shell("zstdcat " + path + " | tcpdump -r - --count 2> /dev/null | grep -q '^10000 packets'"), 0);
  EXPECT_EQ(Shell("zstdcat " + path + " > " + root_ + "/plain.pcapng && capinfos -rTc " + root_ +
                  "/plain.pcapng | grep -qwE 10000"),
            0);
}

TEST_F(CompressedLaneTest, BlocksAreStoredAsTheyAreWhenCompressionFallsBehind) {
  options_.compression = LaneOptions::Compression{16, LaneOptions::Compression::Behind::kStorePlain};
  const std::string path = Record(12'000, Payload::kText);
  EXPECT_GT(counts_.compressed_blocks, 0u);
  EXPECT_GT(counts_.compression_skipped, 0u);
  EXPECT_EQ(counts_.compressed_blocks + counts_.compression_skipped, sealed_.size());
  std::vector<DamagedRange> damage;
  EXPECT_EQ(ReadAll(path, damage), packets_);
  EXPECT_TRUE(damage.empty());
  EXPECT_EQ(Shell("zstd -qt " + path), 0);
}

TEST_F(CompressedLaneTest, DamagedFrameLosesItsBlockOnlyAndIsTold) {
  const std::string path = Record(5'000, Payload::kText);
  const std::vector<uint8_t> sound = Contents(path);
  ASSERT_GE(sealed_.size(), 3u);
  std::mt19937_64 random(1);
  for (const BlockSummary& damaged : sealed_) {
    std::vector<uint8_t> bytes = sound;
    // In the compressed part, which is all but the last 8 KiB.
    bytes[damaged.offset + 9 + random() % (damaged.length - 9 - kClosingRecordMaxSize)] ^= 0x55;
    Overwrite(path, bytes);
    std::vector<DamagedRange> damage;
    const auto found = ReadAll(path, damage);
    ASSERT_FALSE(damage.empty());
    uint64_t lost = 0;
    for (const DamagedRange& range : damage) {
      EXPECT_GE(range.offset, damaged.offset);
      EXPECT_LT(range.offset, damaged.offset + damaged.length);
      lost += range.packets;
    }
    EXPECT_LE(lost, damaged.packet_count);
    EXPECT_GE(found.size() + damaged.packet_count, packets_.size());
    EXPECT_LT(found.size(), packets_.size());
    // What is given out is right.
    for (const auto& packet : found) ASSERT_NE(std::ranges::find(packets_, packet), packets_.end());
  }
}

TEST_F(CompressedLaneTest, RecoveryKeepsEveryWholeBlockOfACutFile) {
  const std::string path = Record(3'000, Payload::kText);
  const std::vector<uint8_t> whole = Contents(path);
  const BlockfileEntry entry = ListLane(options_.directory)->front();
  BlockfileEntry hidden = entry;
  hidden.open = true;
  std::mt19937_64 random(2);
  for (int i = 0; i < 30; i++) {
    const size_t cut = kBlockAlignment + random() % (whole.size() - kBlockAlignment);
    fs::remove(path);
    Overwrite(hidden.path(), {whole.begin(), whole.begin() + static_cast<ptrdiff_t>(cut)});
    uint64_t expected = 0;
    for (const BlockSummary& block : sealed_) {
      if (block.offset + block.length <= cut) expected += block.packet_count;
    }
    const auto report = RecoverLane(options_.directory);
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_FALSE(fs::exists(hidden.path()));
    ASSERT_EQ(fs::exists(path), expected > 0) << "cut at " << cut;
    if (expected == 0) continue;
    const auto verified = VerifyBlockfile(path, nullptr);
    ASSERT_TRUE(verified) << verified.error().message;
    EXPECT_EQ(verified->packets, expected) << "cut at " << cut;
    EXPECT_TRUE(verified->damage.empty());
    EXPECT_EQ(Shell("zstd -qt " + path), 0);
  }
}

TEST_F(CompressedLaneTest, RecoveryCoversABlockThatWasNeverWrittenByAFrameThatZstdSkips) {
  const std::string path = Record(4'000, Payload::kText);
  std::vector<uint8_t> bytes = Contents(path);
  ASSERT_GE(sealed_.size(), 3u);
  const BlockSummary& missing = sealed_[1];
  std::fill_n(bytes.begin() + static_cast<ptrdiff_t>(missing.offset), missing.length, uint8_t{0});
  BlockfileEntry hidden = ListLane(options_.directory)->front();
  hidden.open = true;
  fs::remove(path);
  Overwrite(hidden.path(), bytes);
  ASSERT_TRUE(RecoverLane(options_.directory));
  const auto verified = VerifyBlockfile(path, nullptr);
  ASSERT_TRUE(verified) << verified.error().message;
  EXPECT_EQ(verified->packets, packets_.size() - missing.packet_count);
  EXPECT_TRUE(verified->damage.empty());
  ASSERT_EQ(verified->never_written.size(), 1u);
  EXPECT_EQ(verified->never_written[0].offset, missing.offset);
  EXPECT_EQ(verified->never_written[0].length, missing.length);
  EXPECT_EQ(Shell("zstd -qt " + path), 0);
}

TEST_F(CompressedLaneTest, IndexOfAFrameFileIsNotAStray) {
  const std::string path = Record(100, Payload::kText);
  Overwrite(IndexPathOf(path), {1});
  const auto report = RecoverLane(options_.directory);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->orphan_indexes, 0u);
  EXPECT_TRUE(fs::exists(IndexPathOf(path)));
  EXPECT_EQ(IndexPathOf("/a/lane/1700000000000000000.pcapng.zst"), "/a/lane/1700000000000000000.index");
  EXPECT_EQ(IndexPathOf("/a/lane/1700000000000000000.pcapng"), "/a/lane/1700000000000000000.index");
}

TEST(ZstdFrame, EverySizeOfRecordsComesBackAndEndsAtABlockBoundary) {
  std::mt19937_64 random(3);
  AlignedBuffer out(kMaxBlockSize);
  ZstdCompressor zstd(3);
  for (size_t size : {1, 2, 3, 4, 5, 127, 128, 4095, 4096, 4097, 131071, 131072, 131073, 1'000'000}) {
    for (const bool compressible : {true, false}) {
      SCOPED_TRACE(std::to_string(size) + (compressible ? " compressible" : " random"));
      std::vector<uint8_t> records(size);
      for (uint8_t& byte : records) byte = static_cast<uint8_t>(compressible ? 'a' : random());
      ClosingRecord closing;
      closing.record_offset = static_cast<uint32_t>(size);
      closing.pages.resize((size + kPageSize - 1) / kPageSize);
      const auto begun = zstd.BeginFrame(records, out.span());
      EndFrame(closing, begun ? *begun : BeginPlainFrame(records, out.span()), out.span());
      ASSERT_EQ(closing.frame_length % kBlockAlignment, 0u);
      ASSERT_EQ(closing.block_length % 4, size % 4);
      const auto frame = out.span().first(closing.frame_length);
      EXPECT_EQ(DecodeClosingRecord(frame), closing);
      std::vector<uint8_t> content(closing.block_length);
      const Status read = ReadFrame(frame, content);
      ASSERT_TRUE(read) << read.error().message;
      EXPECT_TRUE(std::equal(records.begin(), records.end(), content.begin()));
      EXPECT_EQ(DecodeClosingRecord(content), closing);
      std::vector<uint8_t> longer(closing.block_length + 1);
      EXPECT_FALSE(ReadFrame(frame, longer));
    }
  }
}

}  // namespace
}  // namespace dashcap
