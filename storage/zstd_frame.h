#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "base/result.h"
#include "storage/block_format.h"

namespace dashcap {

// Blocks as zstd frames (RFC 8878), one frame a block. Its content is the block's records and its closing record; the
// closing record is stored as it is and comes last, so that the last bytes of a frame say what it holds, as in a plain
// blockfile. A frame is a multiple of kBlockAlignment long and at most kMaxBlockSize.

// What a block that is to become a frame must leave free at its end, closing record and frame included.
inline constexpr size_t kFrameReserve = 2 * kBlockAlignment;

// Compresses the records of blocks. One thread.
class ZstdCompressor {
 public:
  // Levels as of zstd(1).
  explicit ZstdCompressor(int level);
  ~ZstdCompressor();

  static int min_level();
  static int max_level();

  // Begins a frame in `out` with the records. Gives the bytes used; nullopt when they become hardly smaller.
  std::optional<size_t> BeginFrame(std::span<const uint8_t> records, std::span<uint8_t> out);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

// Begins a frame with the records as they are. Requires: kFrameReserve bytes more than the records in `out`.
size_t BeginPlainFrame(std::span<const uint8_t> records, std::span<uint8_t> out);

// Ends a frame of which `used` bytes are there: gives the block its length, in memory and as a frame, and appends the
// closing record, which has to know the rest.
void EndFrame(ClosingRecord& closing, size_t used, std::span<uint8_t> out);

// Whether a file begins with a frame.
bool IsFrame(std::span<const uint8_t> start);

// The content of a frame. kDamaged when it is not a frame of `content_length` bytes.
Status ReadFrame(std::span<const uint8_t> frame, std::span<uint8_t> content);

}  // namespace dashcap
