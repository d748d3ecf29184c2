#include "storage/block_format.h"

#include <gtest/gtest.h>

#include <random>

#include "base/byte_order.h"

namespace dashcap {
namespace {

ClosingRecord RandomRecord(std::mt19937_64& random, size_t page_count) {
  ClosingRecord record;
  record.file_id = random();
  record.block_offset = random() % kMaxBlockfileSize;
  record.sequence = static_cast<uint32_t>(random());
  record.first_packet_number = random();
  record.packet_count = static_cast<uint32_t>(random());
  record.first_time = FromUnixNanoseconds(static_cast<int64_t>(random()));
  record.last_time = FromUnixNanoseconds(static_cast<int64_t>(random()));
  record.file_first_time = FromUnixNanoseconds(static_cast<int64_t>(random()));
  record.file_last_time = FromUnixNanoseconds(static_cast<int64_t>(random()));
  record.link_type = static_cast<LinkType>(random());
  record.interface_count = static_cast<uint32_t>(random());
  for (size_t i = 0; i < page_count; i++) {
    record.pages.push_back(
        {static_cast<uint32_t>(random()), static_cast<uint16_t>(random()), static_cast<uint16_t>(random())});
  }
  return record;
}

// As it stands on disk, behind records that fill `page_count` pages but for the last byte, with `padding` more zeros.
std::vector<uint8_t> Encode(ClosingRecord& record, size_t padding) {
  record.record_offset = static_cast<uint32_t>(record.pages.size() * kPageSize);
  std::vector<uint8_t> bytes(ClosingRecordSize(record.pages.size()) + padding);
  record.block_length = record.record_offset + static_cast<uint32_t>(bytes.size());
  EncodeClosingRecord(record, bytes);
  return bytes;
}

TEST(BlockFormatTest, ClosingRecordReadsAsItWasWritten) {
  std::mt19937_64 random(1);
  for (size_t pages = 0; pages < kMaxBlockSize / kPageSize; pages++) {
    ClosingRecord record = RandomRecord(random, pages);
    const std::vector<uint8_t> bytes = Encode(record, random() % 1000 * 4);
    EXPECT_EQ(DecodeClosingRecord(bytes), record) << pages << " pages";
  }
}

TEST(BlockFormatTest, WhatStandsBeforeItDoesNotMatter) {
  std::mt19937_64 random(2);
  ClosingRecord record = RandomRecord(random, 5);
  std::vector<uint8_t> bytes = Encode(record, 100);
  std::vector<uint8_t> tail(kClosingRecordMaxSize - bytes.size());
  for (uint8_t& byte : tail) byte = static_cast<uint8_t>(random());
  tail.insert(tail.end(), bytes.begin(), bytes.end());
  EXPECT_EQ(DecodeClosingRecord(tail), record);
}

TEST(BlockFormatTest, AFlippedBitIsNoticedOrDoesNotMatter) {
  std::mt19937_64 random(3);
  ClosingRecord record = RandomRecord(random, 3);
  std::vector<uint8_t> bytes = Encode(record, 40);
  const size_t covered = ClosingRecordSize(3) - 4;  // up to and with the checksum
  for (size_t bit = 0; bit < bytes.size() * 8; bit++) {
    bytes[bit / 8] = static_cast<uint8_t>(bytes[bit / 8] ^ 1 << bit % 8);
    const auto read = DecodeClosingRecord(bytes);
    // Behind the checksum there are only zeros and the length, without which the record is found by its magic.
    EXPECT_EQ(read.has_value(), bit / 8 >= covered) << "bit " << bit;
    EXPECT_EQ(read.value_or(record), record) << "bit " << bit;
    bytes[bit / 8] = static_cast<uint8_t>(bytes[bit / 8] ^ 1 << bit % 8);
  }
}

TEST(BlockFormatTest, ACutRecordIsNone) {
  std::mt19937_64 random(4);
  ClosingRecord record = RandomRecord(random, 3);
  const std::vector<uint8_t> bytes = Encode(record, 40);
  for (size_t size = 0; size < bytes.size(); size++) {
    EXPECT_FALSE(DecodeClosingRecord(std::span(bytes).last(size))) << "the last " << size;
    EXPECT_FALSE(DecodeClosingRecord(std::span(bytes).first(size))) << "the first " << size;
  }
}

TEST(BlockFormatTest, ARecordThatContradictsItselfIsNone) {
  std::mt19937_64 random(5);
  const auto decodes = [&random](auto change) {
    ClosingRecord record = RandomRecord(random, 3);
    std::vector<uint8_t> bytes = Encode(record, 0);
    change(record);
    EncodeClosingRecord(record, bytes);
    return DecodeClosingRecord(bytes).has_value();
  };
  EXPECT_TRUE(decodes([](ClosingRecord&) {}));
  EXPECT_FALSE(decodes([](ClosingRecord& record) { record.block_length += 4; }));
  EXPECT_FALSE(decodes([](ClosingRecord& record) { record.record_offset += 4; }));
  EXPECT_FALSE(decodes([](ClosingRecord& record) {
    record.record_offset += kPageSize;
    record.block_length += kPageSize;
  }));
  EXPECT_FALSE(decodes([](ClosingRecord& record) {
    record.record_offset += 2 * kMaxBlockSize;
    record.block_length += 2 * kMaxBlockSize;
  }));
}

}  // namespace
}  // namespace dashcap
