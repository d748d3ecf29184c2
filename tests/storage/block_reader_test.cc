#include "storage/block_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "packet/pcapng.h"
#include "storage/block_builder.h"
#include "tests/storage/written_blockfile.h"

namespace dashcap {
namespace {

ClosingRecord Place() {
  ClosingRecord place;
  place.file_id = 42;
  place.block_offset = 4096;
  place.sequence = 1;
  place.first_packet_number = 1000;
  place.link_type = LinkType::kRaw;
  place.interface_count = 2;
  return place;
}

std::unique_ptr<SealedBlock> EmptyBlock() {
  auto block = std::make_unique<SealedBlock>();
  block->memory = AlignedBuffer(kMaxBlockSize);
  return block;
}

// Packets of 0 to 5000 bytes over several pages. Where each record begins and ends in the block goes to `extents`.
std::unique_ptr<SealedBlock> ManyPages(std::vector<Sent>& sent, std::vector<std::pair<size_t, size_t>>& extents) {
  std::mt19937_64 random(7);
  BlockBuilder builder(EmptyBlock(), Place(), 0);
  size_t offset = 0;
  for (uint32_t i = 0; i < 60; i++) {
    // One record is longer than two pages.
    sent.push_back({kFirstSent - Nanoseconds(i), SelfCheckingPacket(i, i == 20 ? 40'001 : 4 + random() % 5000)});
    Packet packet = PacketOf(sent.back());
    packet.interface_id = i % 2;
    EXPECT_TRUE(builder.Append(packet));
    const size_t size = pcapng::EnhancedPacketSize(packet.bytes.size());
    extents.emplace_back(offset, offset + size);
    offset += size;
  }
  return std::move(builder).Seal(kMaxTimestamp, kMinTimestamp);
}

class BlockReaderTest : public testing::Test {
 protected:
  BlockReaderTest()
      : block_(ManyPages(sent_, extents_)), records_(block_->records().begin(), block_->records().end()) {}

  // The indexes of the packets that come out, from `first` on. Each is held against what was sent.
  std::vector<uint32_t> Read(BlockReader& reader) {
    std::vector<uint32_t> indexes;
    while (const auto found = reader.Next()) {
      const auto index = static_cast<uint32_t>(found->number - 1000);
      EXPECT_LT(index, sent_.size());
      const Sent& sent = sent_.at(index);
      EXPECT_EQ(found->packet.timestamp, sent.time);
      EXPECT_EQ(found->packet.interface_id, index % 2);
      EXPECT_EQ(found->packet.link_type, LinkType::kRaw);
      EXPECT_EQ(found->packet.original_length, sent.bytes.size() + 7);
      EXPECT_TRUE(
          std::equal(sent.bytes.begin(), sent.bytes.end(), found->packet.bytes.begin(), found->packet.bytes.end()))
          << index;
      indexes.push_back(index);
    }
    return indexes;
  }

  // The packets from `first` on whose records touch none of the pages.
  std::vector<uint32_t> Outside(const std::vector<size_t>& pages, uint32_t first = 0) const {
    std::vector<uint32_t> indexes;
    for (uint32_t i = first; i < sent_.size(); i++) {
      const bool touched = std::any_of(pages.begin(), pages.end(), [&](size_t page) {
        return extents_[i].first < (page + 1) * kPageSize && extents_[i].second > page * kPageSize;
      });
      if (!touched) indexes.push_back(i);
    }
    return indexes;
  }

  size_t page_count() const { return block_->closing.pages.size(); }
  void Flip(size_t byte) { records_[byte] = static_cast<uint8_t>(records_[byte] ^ 1 << byte % 8); }

  std::vector<Sent> sent_;
  std::vector<std::pair<size_t, size_t>> extents_;
  std::unique_ptr<SealedBlock> block_;
  std::vector<uint8_t> records_;
};

TEST_F(BlockReaderTest, PacketsComeOutAsTheyWentIn) {
  for (const auto trust : {BlockReader::Trust::kVerify, BlockReader::Trust::kOwnMemory}) {
    BlockReader reader(block_->closing, records_, trust);
    EXPECT_EQ(Read(reader), Outside({}));
    EXPECT_EQ(reader.damaged_packets(), 0);
  }
}

TEST_F(BlockReaderTest, ClosingRecordTellsOfThePackets) {
  const ClosingRecord& closing = block_->closing;
  EXPECT_EQ(closing.packet_count, sent_.size());
  EXPECT_EQ(closing.first_time, sent_.back().time);
  EXPECT_EQ(closing.last_time, sent_.front().time);
  EXPECT_EQ(closing.file_first_time, sent_.back().time);
  EXPECT_EQ(closing.file_last_time, sent_.front().time);
  EXPECT_EQ(closing.record_offset, extents_.back().second);
  EXPECT_EQ(closing.block_length % kBlockAlignment, 0);
  EXPECT_EQ(DecodeClosingRecord(block_->bytes()), closing);
}

TEST_F(BlockReaderTest, ADamagedByteCostsOnlyThePacketsOfItsPage) {
  for (size_t byte = 0; byte < records_.size(); byte += 41) {
    Flip(byte);
    BlockReader reader(block_->closing, records_, BlockReader::Trust::kVerify);
    const std::vector<uint32_t> expected = Outside({byte / kPageSize});
    ASSERT_EQ(Read(reader), expected) << "byte " << byte;
    ASSERT_EQ(reader.damaged_packets(), sent_.size() - expected.size()) << "byte " << byte;
    Flip(byte);
  }
}

TEST_F(BlockReaderTest, AnyPagesMayBeDamaged) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 300; round++) {
    std::vector<bool> sound(page_count());
    std::vector<size_t> damaged;
    for (size_t page = 0; page < sound.size(); page++) {
      sound[page] = random() % 3 != 0;
      if (!sound[page]) damaged.push_back(page);
    }
    BlockReader reader(block_->closing, records_, sound);
    const std::vector<uint32_t> expected = Outside(damaged);
    ASSERT_EQ(Read(reader), expected) << "round " << round;
    ASSERT_EQ(reader.damaged_packets(), sent_.size() - expected.size()) << "round " << round;

    const auto first = static_cast<uint32_t>(random() % sent_.size());
    BlockReader sought(block_->closing, records_, sound);
    sought.SeekTo(first);
    ASSERT_EQ(Read(sought), Outside(damaged, first)) << "round " << round << ", from packet " << first;
  }
}

TEST_F(BlockReaderTest, SeekingGoesForwardAgainAndAgain) {
  BlockReader reader(block_->closing, records_, BlockReader::Trust::kVerify);
  for (uint32_t index = 0; index < sent_.size(); index += 7) {
    reader.SeekTo(index);
    const auto found = reader.Next();
    ASSERT_TRUE(found);
    EXPECT_EQ(found->number, 1000 + index);
  }
}

TEST(BlockBuilderTest, FillsABlockAndNoMore) {
  BlockBuilder builder(EmptyBlock(), Place(), 256);
  const std::vector<uint8_t> bytes(1000);
  Packet packet;
  packet.bytes = bytes;
  uint32_t count = 0;
  while (builder.Append(packet)) count++;
  EXPECT_EQ(builder.packet_count(), count);
  builder.AppendOther(std::vector<uint8_t>(256));
  const auto sealed = std::move(builder).Seal(kMaxTimestamp, kMinTimestamp);
  EXPECT_LE(sealed->closing.block_length, kMaxBlockSize);
  EXPECT_GT(sealed->closing.block_length, kMaxBlockSize - 2 * kBlockAlignment);
  EXPECT_EQ(DecodeClosingRecord(sealed->bytes()), sealed->closing);
}

TEST(BlockBuilderTest, LongestPacketFits) {
  BlockBuilder builder(EmptyBlock(), Place(), 256);
  const std::vector<uint8_t> bytes(kMaxCapturedLength, 0xab);
  Packet packet;
  packet.bytes = bytes;
  EXPECT_TRUE(builder.Append(packet));
  const auto sealed = std::move(builder).Seal(kMaxTimestamp, kMinTimestamp);
  BlockReader reader(sealed->closing, sealed->records(), BlockReader::Trust::kVerify);
  const auto found = reader.Next();
  ASSERT_TRUE(found);
  EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), found->packet.bytes.begin(), found->packet.bytes.end()));
}

TEST(BlockBuilderTest, PacketOfAnUnknownInterfaceIsRefused) {
  BlockBuilder builder(EmptyBlock(), Place(), 0);
  Packet packet;
  packet.interface_id = 1;
  EXPECT_TRUE(builder.Append(packet));
  packet.interface_id = 2;
  EXPECT_FALSE(builder.Append(packet));
}

TEST(BlockBuilderTest, TimesBeforeTheEpochBecomeIt) {
  BlockBuilder builder(EmptyBlock(), Place(), 0);
  Packet packet;
  packet.timestamp = FromUnixNanoseconds(-5);
  EXPECT_TRUE(builder.Append(packet));
  const auto sealed = std::move(builder).Seal(kMaxTimestamp, kMinTimestamp);
  EXPECT_EQ(sealed->closing.first_time, Timestamp{});
  BlockReader reader(sealed->closing, sealed->records(), BlockReader::Trust::kVerify);
  EXPECT_EQ(reader.Next()->packet.timestamp, Timestamp{});
}

TEST(BlockBuilderTest, BoundsOfTheFileCoverEarlierBlocks) {
  const auto seal = [](Timestamp packet_time, Timestamp file_first, Timestamp file_last) {
    BlockBuilder builder(EmptyBlock(), Place(), 0);
    Packet packet;
    packet.timestamp = packet_time;
    EXPECT_TRUE(builder.Append(packet));
    const auto sealed = std::move(builder).Seal(file_first, file_last);
    return std::pair(ToUnixNanoseconds(sealed->closing.file_first_time),
                     ToUnixNanoseconds(sealed->closing.file_last_time));
  };
  const auto at = FromUnixNanoseconds;
  EXPECT_EQ(seal(at(50), kMaxTimestamp, kMinTimestamp), std::pair(int64_t{50}, int64_t{50}));
  EXPECT_EQ(seal(at(50), at(10), at(20)), std::pair(int64_t{10}, int64_t{50}));
  EXPECT_EQ(seal(at(5), at(10), at(20)), std::pair(int64_t{5}, int64_t{20}));
}

}  // namespace
}  // namespace dashcap
