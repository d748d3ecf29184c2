#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "indexer/flow_record.h"

namespace dashcap {

// One packet of a flow: its number in the blockfile, counted from 0, and which way it went.
struct Posting {
  uint32_t packet_number = 0;
  Direction direction = Direction::kForward;
  bool operator==(const Posting&) const = default;
};

// A chunk holds up to kPostingsPerChunk postings: deltas of packet numbers Golomb-Rice coded (Rice, 1979) with the
// parameter that suits the chunk, and a direction bit each unless all go one way. docs/decisions/packet-numbers.md says
// why numbers and not byte positions.
inline constexpr size_t kPostingsPerChunk = 1024;

// Appends one chunk. Requires: ascending, not empty and no more than kPostingsPerChunk.
void EncodePostings(std::span<const Posting> postings, std::string& out);

// Appends; nullopt when damaged.
std::optional<size_t> DecodePostings(std::string_view chunk, std::vector<Posting>& out);

}  // namespace dashcap
