#include "storage/blockfile_reader.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <random>

#include "packet/pcapng.h"
#include "tests/storage/temporary_directory.h"
#include "tests/storage/written_blockfile.h"

namespace dashcap {
namespace {

// Where the packets of a sound file lie, told by its closing records.
struct Layout {
  struct Extent {
    uint64_t begin;
    uint64_t end;
    bool operator==(const Extent&) const = default;
  };
  std::vector<Extent> blocks;
  std::vector<Extent> closings;  // of the blocks, without the zeros that pad them
  std::vector<Extent> pages;     // by packet: the pages its record lies in
  std::vector<size_t> block_of;  // by packet
};

Layout LayoutOf(const std::string& path, const std::vector<Sent>& sent) {
  Layout layout;
  const auto reader = BlockfileReader::Open(path);
  std::vector<DamagedRange> damage;
  const auto blocks = reader->Blocks(damage);
  for (const BlockSummary& block : *blocks) {
    const ClosingRecord closing = *reader->Closing(block);
    layout.blocks.push_back({block.offset, block.offset + block.length});
    const uint64_t record = block.offset + closing.record_offset;
    layout.closings.push_back({record, record + ClosingRecordSize(closing.pages.size()) - 4});
    uint64_t offset = block.offset;
    for (uint64_t number = block.first_packet_number; number < block.first_packet_number + block.packet_count;
         number++) {
      const uint64_t end = offset + pcapng::EnhancedPacketSize(sent[number].bytes.size());
      const uint64_t first_page = (offset - block.offset) / kPageSize;
      const uint64_t last_page = (end - 1 - block.offset) / kPageSize;
      layout.pages.push_back(
          {block.offset + first_page * kPageSize, std::min(block.offset + (last_page + 1) * kPageSize, record)});
      layout.block_of.push_back(layout.blocks.size() - 1);
      offset = end;
    }
  }
  return layout;
}

class BlockfileReaderTest : public testing::Test {
 protected:
  void Store(size_t packets, size_t size, size_t per_block) {
    sent_ = MakeSent(packets, size);
    path_ = WriteBlockfile(directory_.path(), sent_, per_block);
    bytes_ = BytesOf(path_);
    layout_ = LayoutOf(path_, sent_);
    sound_ = ReadBackFrom(path_, sent_);
    ASSERT_EQ(sound_.numbers, Numbers(0, packets));
    ASSERT_EQ(sound_.wrong, 0);
    ASSERT_TRUE(sound_.damage.empty());
    file_ = *OpenFile(path_, O_RDWR);
  }

  void PutByte(size_t at, char byte) { ASSERT_EQ(::pwrite(file_.get(), &byte, 1, static_cast<off_t>(at)), 1); }

  // What has to hold when one byte of the file is not what it was.
  void CheckDamagedByte(size_t at) {
    const ReadBack back = ReadBackFrom(path_, sent_);
    ASSERT_EQ(back.wrong, 0);
    for (uint64_t number = 0; number < sent_.size(); number++) {
      const Layout::Extent& pages = layout_.pages[number];
      const Layout::Extent& closing = layout_.closings[layout_.block_of[number]];
      const bool touched = (pages.begin <= at && at < pages.end) || (closing.begin <= at && at < closing.end);
      ASSERT_EQ(back.Has(number), !touched) << "packet " << number;
    }
    const bool complete = back.numbers.size() == sent_.size();
    ASSERT_TRUE(complete || !back.damage.empty()) << "what is missing is not told";
  }

  const TemporaryDirectory directory_;
  std::vector<Sent> sent_;
  std::string path_;
  std::string bytes_;
  Layout layout_;
  ReadBack sound_;
  FileDescriptor file_;
};

TEST_F(BlockfileReaderTest, CutAfterEveryByteGivesTheBlocksBeforeTheCut) {
  Store(12, 60, 4);
  ASSERT_EQ(layout_.blocks.size(), 3);
  for (size_t size = bytes_.size(); size-- > 0;) {
    ASSERT_EQ(::ftruncate(file_.get(), static_cast<off_t>(size)), 0);
    const ReadBack back = ReadBackFrom(path_, sent_);
    ASSERT_EQ(back.wrong, 0) << "cut at " << size;
    uint64_t whole = 0;
    bool at_block_end = size == layout_.blocks.front().begin;
    for (uint64_t number = 0; number < sent_.size(); number++) {
      const Layout::Extent& block = layout_.blocks[layout_.block_of[number]];
      if (block.end <= size) whole = number + 1;
      at_block_end = at_block_end || block.end == size;
    }
    ASSERT_EQ(back.numbers, Numbers(0, whole)) << "cut at " << size;
    ASSERT_EQ(back.damage.empty(), at_block_end) << "cut at " << size;
  }
}

TEST_F(BlockfileReaderTest, EveryFlippedBitOfASmallFile) {
  Store(10, 60, 10);
  ASSERT_EQ(bytes_.size(), 2 * kBlockAlignment);
  const auto is_padding = [this](size_t at) {
    return bytes_.substr(at, 16).find_first_not_of('\0') == std::string::npos;
  };
  for (size_t bit = 0; bit < bytes_.size() * 8; bit++) {
    const size_t at = bit / 8;
    if (is_padding(at) && bit % 8 != at % 8) continue;  // of a byte that only fills up, one bit does
    SCOPED_TRACE("bit " + std::to_string(bit));
    PutByte(at, static_cast<char>(bytes_[at] ^ 1 << bit % 8));
    CheckDamagedByte(at);
    PutByte(at, bytes_[at]);
    if (HasFatalFailure()) return;
  }
}

TEST_F(BlockfileReaderTest, FlippedBitsOfAFileWithManyPages) {
  Store(400, 900, 70);
  ASSERT_GT(layout_.blocks.size(), 4);
  const uint64_t seed = std::random_device()();
  std::mt19937_64 random(seed);
  for (int round = 0; round < 600; round++) {
    // Half of them where few bytes matter much.
    size_t at = random() % bytes_.size();
    if (round % 2 == 0) {
      const Layout::Extent& closing = layout_.closings[random() % layout_.closings.size()];
      at = closing.begin + random() % (closing.end - closing.begin);
    }
    SCOPED_TRACE("seed " + std::to_string(seed) + ", byte " + std::to_string(at));
    PutByte(at, static_cast<char>(bytes_[at] ^ 1 << random() % 8));
    CheckDamagedByte(at);
    PutByte(at, bytes_[at]);
    if (HasFatalFailure()) return;
  }
}

TEST_F(BlockfileReaderTest, ADamagedPageIsToldWithItsPlaceAndItsPackets) {
  Store(100, 900, 100);
  const size_t at = kBlockAlignment + 2 * kPageSize + 100;
  PutByte(at, static_cast<char>(bytes_[at] ^ 1));
  const ReadBack back = ReadBackFrom(path_, sent_);
  ASSERT_EQ(back.damage.size(), 1);
  EXPECT_EQ(back.damage[0].offset, kBlockAlignment + 2 * kPageSize);
  EXPECT_EQ(back.damage[0].length, kPageSize);
  EXPECT_EQ(back.damage[0].reason, path_ + ": block at 4096: page 2: checksum mismatch");
  EXPECT_FALSE(back.damage[0].never_written);
}

TEST_F(BlockfileReaderTest, ALostBlockIsToldWithItsPackets) {
  Store(12, 60, 4);
  const Layout::Extent& closing = layout_.closings[1];
  PutByte(closing.begin, 0);
  const ReadBack back = ReadBackFrom(path_, sent_);
  ASSERT_EQ(back.damage.size(), 1);
  EXPECT_EQ(back.damage[0].offset, layout_.blocks[1].begin);
  EXPECT_EQ(back.damage[0].length, layout_.blocks[1].end - layout_.blocks[1].begin);
  EXPECT_EQ(back.damage[0].packets, 4);
}

TEST_F(BlockfileReaderTest, WithoutItsHeaderEveryPacketIsThere) {
  Store(12, 60, 4);
  for (size_t at = 0; at < kBlockAlignment; at++) PutByte(at, 0);
  const ReadBack back = ReadBackFrom(path_, sent_);
  EXPECT_EQ(back.numbers, Numbers(0, 12));
  EXPECT_EQ(back.wrong, 0);
  ASSERT_EQ(back.damage.size(), 1);
  EXPECT_EQ(back.damage[0].offset, 0);
  const auto reader = BlockfileReader::Open(path_);
  ASSERT_TRUE(reader->header_damage());
  EXPECT_EQ(reader->link_type(), LinkType::kEthernet);
}

TEST_F(BlockfileReaderTest, PacketsByNumberAreThoseOfTheWholeBlock) {
  Store(300, 700, 300);
  std::mt19937_64 random(5);
  for (int round = 0; round < 300; round++) {
    const size_t at = kBlockAlignment + random() % (layout_.closings[0].begin - kBlockAlignment);
    PutByte(at, static_cast<char>(bytes_[at] ^ 4));
    const ReadBack whole = ReadBackFrom(path_, sent_);
    const auto reader = BlockfileReader::Open(path_);
    std::vector<uint32_t> numbers;
    std::vector<uint64_t> expected;
    const uint64_t one_in = 1 + random() % 100;
    for (uint32_t number = 0; number < sent_.size(); number++) {
      if (random() % one_in != 0) continue;
      numbers.push_back(number);
      if (whole.Has(number)) expected.push_back(number);
    }
    std::vector<uint8_t> buffer;
    std::vector<NumberedPacket> found;
    std::vector<DamagedRange> damage;
    ASSERT_TRUE(reader->ReadPackets(whole.blocks[0], numbers, buffer, found, damage));
    std::vector<uint64_t> got;
    for (const NumberedPacket& packet : found) {
      got.push_back(packet.number);
      ASSERT_TRUE(std::ranges::equal(packet.packet.bytes, sent_[packet.number].bytes));
    }
    ASSERT_EQ(got, expected) << "round " << round;
    ASSERT_TRUE(got.size() == numbers.size() || !damage.empty()) << "round " << round;
    PutByte(at, bytes_[at]);
  }
}

TEST_F(BlockfileReaderTest, LastBlockTellsOfTheWholeFile) {
  Store(12, 60, 4);
  const auto last = BlockfileReader::Open(path_)->LastBlock();
  ASSERT_TRUE(last && *last);
  EXPECT_EQ((*last)->first_packet_number + (*last)->packet_count, 12);
  EXPECT_EQ((*last)->file_first_time, sent_.front().time);
  EXPECT_EQ((*last)->file_last_time, sent_.back().time);
}

TEST_F(BlockfileReaderTest, WhatIsNoBlockfileIsRefused) {
  const std::string path = directory_.path() + "/1700000000000000000.pcapng";
  EXPECT_EQ(BlockfileReader::Open(path).error().kind, ErrorKind::kNotFound);
  for (const std::string& bytes : {std::string(), std::string(3, 'x'), std::string(100'000, '\0')}) {
    WriteBytes(path, bytes);
    const auto reader = BlockfileReader::Open(path);
    ASSERT_FALSE(reader);
    EXPECT_EQ(reader.error().kind, ErrorKind::kDamaged);
    EXPECT_EQ(reader.error().message.find(path), 0);
  }
}

TEST_F(BlockfileReaderTest, BlockOfAnotherFileIsNotTakenForOneOfThis) {
  Store(12, 60, 4);
  const TemporaryDirectory elsewhere;
  const std::string other = BytesOf(WriteBlockfile(elsewhere.path(), sent_, 4));
  const Layout::Extent& block = layout_.blocks[1];
  for (size_t at = block.begin; at < block.end; at++) PutByte(at, other[at]);
  const ReadBack back = ReadBackFrom(path_, sent_);
  std::vector<uint64_t> expected = Numbers(0, 4);
  for (const uint64_t number : Numbers(8, 12)) expected.push_back(number);
  EXPECT_EQ(back.numbers, expected);
  EXPECT_EQ(back.damage.size(), 1);
}

}  // namespace
}  // namespace dashcap
