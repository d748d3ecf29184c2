#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "packet/packet.h"
#include "storage/block_format.h"

namespace dashcap {

// A packet and its number in the blockfile.
struct NumberedPacket {
  uint64_t number = 0;
  Packet packet;
};

// Walks the packet records in memory that came from a blockfile: a whole block, or some pages of it. What is damaged is
// left out, never guessed at. One thread.
class BlockReader {
 public:
  // `records`: the bytes of the block from its start to the closing record. Pages whose CRC does not match are
  // skipped: a packet is given out only when every page it lies in is sound. With `verify` false the pages are trusted,
  // for memory that we filled ourselves.
  enum class Trust { kVerify, kOwnMemory };
  BlockReader(const ClosingRecord& closing, std::span<const uint8_t> records, LinkType link_type, Trust trust);

  // The next sound packet; nullopt at the end.
  std::optional<NumberedPacket> Next();

  // Packets of the block that were not given out because their pages are damaged; final once Next() gave nullopt.
  uint64_t damaged_packets() const { return damaged_packets_; }

 private:
  const ClosingRecord& closing_;
  std::span<const uint8_t> records_;
  LinkType link_type_;
  std::vector<bool> sound_pages_;
  size_t offset_ = 0;
  uint32_t index_ = 0;
  uint64_t damaged_packets_ = 0;
};

}  // namespace dashcap
