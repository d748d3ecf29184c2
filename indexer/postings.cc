#include "indexer/postings.h"

#include <bit>
#include <cassert>
#include <limits>

#include "indexer/bit_stream.h"
#include "indexer/varint.h"

namespace dashcap {
namespace {

// A quotient of this many ones is an escape: the difference follows as 32 plain bits. It bounds what a single pause in
// a busy flow costs.
constexpr unsigned kEscape = 16;
constexpr unsigned kMaxParameter = 31;

// Bits 5 and 6 of a chunk's first byte; the lower five are the Rice parameter.
enum class Directions : uint8_t { kAllForward = 0, kAllReverse = 1, kMixed = 2 };
constexpr unsigned kDirectionsShift = 5;

Directions DirectionsOf(std::span<const Posting> postings) {
  for (const Posting& posting : postings) {
    if (posting.direction != postings[0].direction) return Directions::kMixed;
  }
  return postings[0].direction == Direction::kForward ? Directions::kAllForward : Directions::kAllReverse;
}

// Packets of other flows between this posting and the one before it.
uint32_t DifferenceAt(std::span<const Posting> postings, size_t i) {
  assert(postings[i - 1].packet_number < postings[i].packet_number);
  return postings[i].packet_number - postings[i - 1].packet_number - 1;
}

uint64_t BitsWith(std::span<const Posting> postings, unsigned parameter) {
  uint64_t bits = 0;
  for (size_t i = 1; i < postings.size(); ++i) {
    const uint32_t quotient = DifferenceAt(postings, i) >> parameter;
    bits += quotient < kEscape ? quotient + 1 + parameter : kEscape + 32;
  }
  return bits;
}

// For differences that are distributed geometrically the best parameter is the logarithm of their mean or one less
// (Golomb, 1966); bursts, as traffic has them, pull it a little further down.
unsigned BestParameter(std::span<const Posting> postings) {
  const size_t differences = postings.size() - 1;
  if (differences == 0) return 0;
  const uint64_t sum = postings.back().packet_number - postings.front().packet_number - differences;
  const auto of_mean = static_cast<unsigned>(std::bit_width(sum / differences));
  unsigned best = std::min(of_mean, kMaxParameter);
  uint64_t best_bits = BitsWith(postings, best);
  while (best > 0) {
    const uint64_t bits = BitsWith(postings, best - 1);
    if (bits > best_bits) break;
    best_bits = bits;
    best--;
  }
  return best;
}

void PutRice(BitWriter& writer, uint32_t value, unsigned parameter) {
  const uint32_t quotient = value >> parameter;
  if (quotient >= kEscape) {
    writer.Put((1u << kEscape) - 1, kEscape);
    writer.Put(value, 32);
    return;
  }
  writer.Put((1u << quotient) - 1, quotient + 1);
  writer.Put(value & ((1u << parameter) - 1), parameter);
}

uint32_t GetRice(BitReader& reader, unsigned parameter) {
  const unsigned quotient = reader.GetUnary(kEscape);
  if (quotient == kEscape) return reader.Get(32);
  // A damaged quotient may shift bits out; the caller's range check or the next chunk's order then catches it.
  return static_cast<uint32_t>(uint64_t{quotient} << parameter | reader.Get(parameter));
}

}  // namespace

void EncodePostings(std::span<const Posting> postings, std::string& out) {
  assert(!postings.empty() && postings.size() <= kPostingsPerChunk);
  const unsigned parameter = BestParameter(postings);
  const Directions directions = DirectionsOf(postings);
  out.push_back(static_cast<char>(parameter | static_cast<unsigned>(directions) << kDirectionsShift));
  AppendVarint(postings.size(), out);
  AppendVarint(postings[0].packet_number, out);
  BitWriter writer(out);
  for (size_t i = 0; i < postings.size(); ++i) {
    if (i > 0) PutRice(writer, DifferenceAt(postings, i), parameter);
    if (directions == Directions::kMixed) writer.Put(static_cast<unsigned>(postings[i].direction), 1);
  }
  writer.Finish();
}

std::optional<size_t> DecodePostings(std::string_view chunk, std::vector<Posting>& out) {
  if (chunk.empty()) return std::nullopt;
  const auto head = static_cast<uint8_t>(chunk[0]);
  chunk.remove_prefix(1);
  const unsigned parameter = head & kMaxParameter;
  const unsigned directions = head >> kDirectionsShift;
  const std::optional<uint64_t> count = TakeVarint(chunk);
  const std::optional<uint64_t> first = TakeVarint(chunk);
  if (directions > static_cast<unsigned>(Directions::kMixed) || !count || *count == 0 || *count > kPostingsPerChunk ||
      !first) {
    return std::nullopt;
  }
  const bool mixed = directions == static_cast<unsigned>(Directions::kMixed);
  const size_t size_before = out.size();
  BitReader reader(chunk);
  uint64_t number = *first;
  Posting posting{0, directions == 1 ? Direction::kReverse : Direction::kForward};
  for (size_t i = 0; i < *count; ++i) {
    if (i > 0) number += uint64_t{GetRice(reader, parameter)} + 1;
    if (mixed) posting.direction = static_cast<Direction>(reader.Get(1));
    if (reader.failed() || number > std::numeric_limits<uint32_t>::max()) {
      out.resize(size_before);
      return std::nullopt;
    }
    posting.packet_number = static_cast<uint32_t>(number);
    out.push_back(posting);
  }
  if (!reader.AtEnd()) {
    out.resize(size_before);
    return std::nullopt;
  }
  return *count;
}

}  // namespace dashcap
