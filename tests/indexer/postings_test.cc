#include "indexer/postings.h"

#include <gtest/gtest.h>

#include <random>

namespace dashcap {
namespace {

std::string Encoded(const std::vector<Posting>& postings) {
  std::string chunk;
  EncodePostings(postings, chunk);
  return chunk;
}

std::vector<Posting> RoundTrip(const std::vector<Posting>& postings) {
  std::vector<Posting> decoded;
  const auto count = DecodePostings(Encoded(postings), decoded);
  EXPECT_EQ(count, postings.size());
  return decoded;
}

std::vector<Posting> RandomPostings(std::mt19937_64& random) {
  std::vector<Posting> postings(1 + random() % kPostingsPerChunk);
  const uint64_t spread = uint64_t{1} << random() % 22;
  const bool mixed = random() % 2 == 0;
  uint64_t number = random() % spread;
  for (Posting& posting : postings) {
    posting.packet_number = static_cast<uint32_t>(number);
    posting.direction = static_cast<Direction>(mixed ? random() % 2 : postings.size() % 2);
    // Bursts with a pause now and then.
    number += 1 + random() % spread * (random() % 50 == 0 ? 1000 : 1);
    number =
        std::min<uint64_t>(number, UINT32_MAX - kPostingsPerChunk + static_cast<uint64_t>(&posting - postings.data()));
  }
  return postings;
}

TEST(Postings, ComeBackAsTheyWere) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 2000; i++) {
    const std::vector<Posting> postings = RandomPostings(random);
    ASSERT_EQ(RoundTrip(postings), postings);
  }
}

TEST(Postings, TakeTheExtremes) {
  const std::vector<Posting> one = {{UINT32_MAX, Direction::kReverse}};
  EXPECT_EQ(RoundTrip(one), one);
  const std::vector<Posting> far = {{0, Direction::kForward}, {UINT32_MAX, Direction::kReverse}};
  EXPECT_EQ(RoundTrip(far), far);
}

TEST(Postings, AppendToWhatIsThere) {
  std::vector<Posting> out = {{7, Direction::kForward}};
  ASSERT_TRUE(DecodePostings(Encoded({{9, Direction::kReverse}}), out));
  EXPECT_EQ(out, (std::vector<Posting>{{7, Direction::kForward}, {9, Direction::kReverse}}));
}

// A packet of one of 65,536 flows that take turns at random has 2 bytes of information about the number alone; the code
// shall not be far from that.
TEST(Postings, AreNearTheEntropyOfARandomInterleaving) {
  std::mt19937_64 random(1);
  std::geometric_distribution<uint32_t> gap(1.0 / 65536);
  std::vector<Posting> postings(kPostingsPerChunk);
  uint32_t number = 0;
  for (Posting& posting : postings) {
    posting.packet_number = number += 1 + gap(random);
    posting.direction = static_cast<Direction>(random() % 2);
  }
  const double bits = static_cast<double>(Encoded(postings).size()) * 8 / static_cast<double>(postings.size());
  EXPECT_LT(bits, 17.44 + 1 + 0.3);  // entropy of the geometric distribution, direction, and 2 % on top
}

TEST(Postings, DamageIsNoticedOrHarmless) {
  const std::string chunk =
      Encoded({{5, Direction::kForward}, {70000, Direction::kReverse}, {70001, Direction::kForward}});
  std::vector<Posting> out;
  for (size_t size = 0; size < chunk.size(); size++) {
    out.clear();
    const bool decoded = DecodePostings(std::string_view(chunk).substr(0, size), out).has_value();
    EXPECT_TRUE(decoded || out.empty());
  }
  for (size_t bit = 0; bit < chunk.size() * 8; bit++) {
    std::string flipped = chunk;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    out.clear();
    if (!DecodePostings(flipped, out)) continue;
    for (size_t i = 1; i < out.size(); i++) EXPECT_LT(out[i - 1].packet_number, out[i].packet_number);
  }
}

}  // namespace
}  // namespace dashcap
