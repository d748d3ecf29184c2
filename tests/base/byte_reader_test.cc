#include "base/byte_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace dashcap {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<uint8_t> Counting(size_t size) {
  std::vector<uint8_t> bytes(size);
  std::iota(bytes.begin(), bytes.end(), uint8_t{1});
  return bytes;
}

TEST(ByteReader, ReadsBothByteOrdersAtAnyAlignment) {
  const auto bytes = Counting(29);
  ByteReader reader(bytes);
  EXPECT_EQ(reader.U8(), 0x01);
  EXPECT_EQ(reader.Big16(), 0x0203);
  EXPECT_EQ(reader.Big32(), 0x04050607u);
  EXPECT_EQ(reader.Big64(), 0x08090a0b0c0d0e0fu);
  EXPECT_EQ(reader.Little16(), 0x1110);
  EXPECT_EQ(reader.Little32(), 0x15141312u);
  EXPECT_EQ(reader.Little64(), 0x1d1c1b1a19181716u);
  EXPECT_TRUE(reader.empty());
  EXPECT_FALSE(reader.failed());
}

TEST(ByteReader, KnowsWhereItIs) {
  const auto bytes = Counting(10);
  ByteReader reader(bytes);
  reader.Skip(3);
  EXPECT_EQ(reader.position(), 3u);
  EXPECT_EQ(reader.remaining(), 7u);
  EXPECT_THAT(reader.Bytes(2), ElementsAre(4, 5));
  EXPECT_THAT(reader.rest(), ElementsAre(6, 7, 8, 9, 10));
  EXPECT_EQ(reader.position(), 5u);
}

TEST(ByteReader, ReadingPastTheEndYieldsZeroAndFailsForGood) {
  const auto bytes = Counting(7);
  const auto fails = [&bytes](auto read) {
    ByteReader reader(bytes);
    reader.Skip(7 - read.width + 1);
    EXPECT_FALSE(reader.failed());
    EXPECT_EQ(read.value(reader), 0u);
    EXPECT_TRUE(reader.failed());
    EXPECT_TRUE(reader.empty());
    EXPECT_EQ(reader.U8(), 0);
    EXPECT_TRUE(reader.failed());
  };
  struct Read {
    size_t width;
    uint64_t (*value)(ByteReader&);
  };
  fails(Read{1, [](ByteReader& r) -> uint64_t { return r.U8(); }});
  fails(Read{2, [](ByteReader& r) -> uint64_t { return r.Big16(); }});
  fails(Read{4, [](ByteReader& r) -> uint64_t { return r.Big32(); }});
  fails(Read{2, [](ByteReader& r) -> uint64_t { return r.Little16(); }});
  fails(Read{4, [](ByteReader& r) -> uint64_t { return r.Little32(); }});
  fails(Read{6, [](ByteReader& r) -> uint64_t { return r.Bytes(6).size(); }});
}

TEST(ByteReader, ACountThatOverflowsIsPastTheEnd) {
  const auto bytes = Counting(4);
  ByteReader reader(bytes);
  reader.Skip(2);
  EXPECT_THAT(reader.Bytes(SIZE_MAX), IsEmpty());
  EXPECT_TRUE(reader.failed());
  EXPECT_EQ(reader.position(), 4u);
}

TEST(ByteReader, AnEmptyReadAtTheEndIsNoFailure) {
  ByteReader reader({});
  EXPECT_TRUE(reader.empty());
  EXPECT_THAT(reader.Bytes(0), IsEmpty());
  reader.Skip(0);
  EXPECT_FALSE(reader.failed());
  EXPECT_EQ(reader.Big64(), 0u);
  EXPECT_TRUE(reader.failed());
}

TEST(ByteReader, ACopyKeepsItsOwnPlace) {
  const auto bytes = Counting(4);
  ByteReader reader(bytes);
  ByteReader saved = reader;
  reader.Skip(9);
  EXPECT_TRUE(reader.failed());
  EXPECT_FALSE(saved.failed());
  EXPECT_EQ(saved.Big32(), 0x01020304u);
}

}  // namespace
}  // namespace dashcap
