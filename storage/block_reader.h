#pragma once

#include <cstddef>
#include <cstdint>
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

// Walks the packet records in memory that came from a blockfile. What is damaged is left out, never guessed at: a
// packet is given out only when every page it lies in is sound. One thread.
class BlockReader {
 public:
  // For a whole block: `records` are its bytes from the start to the closing record, and each page's checksum is
  // verified, unless we filled the memory ourselves.
  enum class Trust { kVerify, kOwnMemory };
  BlockReader(const ClosingRecord& closing, std::span<const uint8_t> records, Trust trust);

  // For a block of which only some pages are in memory, at their place, with their soundness known.
  BlockReader(const ClosingRecord& closing, std::span<const uint8_t> records, std::vector<bool> sound_pages);

  // The next sound packet; nullopt at the end.
  std::optional<NumberedPacket> Next();

  // Goes to the packet with this index in the block, or to the next sound one if it is damaged.
  void SeekTo(uint32_t index);

  // Packets that were passed over by Next() because they are damaged.
  uint64_t damaged_packets() const { return damaged_packets_; }

 private:
  bool Sound(size_t begin, size_t end) const;
  bool GoToPageAfter(size_t offset);
  void Prefetch(size_t offset) const;

  const ClosingRecord& closing_;
  std::span<const uint8_t> records_;
  std::vector<bool> sound_pages_;
  size_t offset_ = 0;   // of the next record
  uint32_t index_ = 0;  // of the next packet
  uint64_t damaged_packets_ = 0;
};

// Whether the page's bytes are what its checksum says. Requires: page < closing.pages.size(), records as above.
bool PageIsSound(const ClosingRecord& closing, std::span<const uint8_t> records, size_t page);

}  // namespace dashcap
