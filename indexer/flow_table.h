#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "indexer/flow_record.h"
#include "indexer/postings.h"
#include "packet/decoder.h"
#include "packet/packet.h"

namespace dashcap {

// The flows of the blockfile in progress, and for each the numbers of its packets: what an index table is made from.
// Made for one packet in some tens of nanoseconds: packets are added in batches, whose cache misses are made to overlap
// (hash all, prefetch all, then look up). Hashes are seeded at random, because packets are hostile. One thread; can be
// moved to the thread that writes the table.
class FlowTable {
 public:
  FlowTable();
  ~FlowTable();
  FlowTable(FlowTable&&) noexcept;
  FlowTable& operator=(FlowTable&&) noexcept;

  static constexpr size_t kBatch = 32;
  struct Item {
    Decoded decoded;  // fragments resolved
    Timestamp time{};
    uint32_t original_length = 0;
  };
  // Adds packets with consecutive numbers. Items are changed (keys become canonical). Requires: items.size() <= kBatch.
  void Add(uint32_t first_packet_number, std::span<Item> items);

  size_t flow_count() const;
  uint64_t packet_count() const;
  // What its flows and postings take up, for deciding when to rotate. That it takes memory from the system in pieces of
  // 2 MiB is not counted.
  size_t memory_bytes() const;

  FlowRecord Record(FlowId id) const;
  // The record's key, in either direction.
  FlowKey Key(FlowId id) const;
  // Replaces the contents of `out`.
  void Postings(FlowId id, std::vector<Posting>& out) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dashcap
