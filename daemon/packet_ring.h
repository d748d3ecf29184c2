#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/result.h"

struct tpacket3_hdr;
struct tpacket_block_desc;

namespace dashcap {

struct RingOptions {
  uint64_t bytes = uint64_t{64} << 20;
  uint32_t block_bytes = uint32_t{1} << 20;
  std::chrono::milliseconds block_timeout{100};  // after which a part-filled block is handed over
  uint32_t headroom = 0;                         // bytes that stay free in front of each packet
};

// The TPACKET_V3 receive ring of a packet socket (kernel document packet_mmap.rst): memory that the kernel fills block by
// block and that is read in place. One thread.
class PacketRing {
 public:
  // `name` starts the message of an error.
  static Result<PacketRing> Map(int socket, const RingOptions& options, const std::string& name);

  PacketRing() = default;
  PacketRing(PacketRing&& other) noexcept { *this = std::move(other); }
  PacketRing& operator=(PacketRing&& other) noexcept;
  ~PacketRing();

  size_t block_count() const { return block_count_; }

  // The next packet that waits, nullptr when there is none. It stays until the next call; when that one leaves the
  // packet's block, the block goes back to the kernel.
  tpacket3_hdr* Next() {
    if (left_ == 0 && !EnterBlock()) return nullptr;
    return Advance();
  }
  // How often the last packet of a block was passed.
  uint64_t blocks_read() const { return blocks_read_; }

 private:
  tpacket_block_desc* CurrentBlock() const;
  bool EnterBlock();
  tpacket3_hdr* Advance();
  void ReleaseBlock();

  uint8_t* memory_ = nullptr;
  size_t block_bytes_ = 0;
  size_t block_count_ = 0;
  size_t current_ = 0;     // block
  bool entered_ = false;   // it is ours
  uint32_t left_ = 0;      // packets of it
  uint8_t* at_ = nullptr;  // the next of them
  uint64_t blocks_read_ = 0;
};

}  // namespace dashcap
