#include "storage/zstd_frame.h"

#include <zstd.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <new>
#include <string>

#include "base/byte_order.h"

namespace dashcap {
namespace {

// RFC 8878, 3.1.1: magic number, descriptor (a single segment, its size in four bytes, no checksum: pages have theirs),
// content size; then blocks of three bytes of header and a content of at most 128 KiB.
constexpr uint32_t kMagic = 0xFD2FB528;
constexpr uint8_t kDescriptor = 0xA0;
constexpr size_t kFrameHeader = 9;
constexpr size_t kBlockHeader = 3;
constexpr size_t kLargestBlock = 128 * 1024;
constexpr uint8_t kLastBlock = 1;
constexpr uint32_t kBlockTypeRle = 1;

// What is not at least a sixteenth smaller is not worth decompressing.
constexpr size_t kLeastGain = 16;

// What libzstd begins with when it is told to leave out content size and checksum: magic number, descriptor, window.
constexpr size_t kLibraryHeader = 6;

void PutBlockHeader(uint8_t* out, size_t size, uint8_t last) {
  out[0] = static_cast<uint8_t>(size << 3 | last);
  out[1] = static_cast<uint8_t>(size >> 5);
  out[2] = static_cast<uint8_t>(size >> 13);
}

// Takes the mark from the last block of those in `blocks`, for others will follow.
void Reopen(std::span<uint8_t> blocks) {
  size_t offset = 0;
  while ((blocks[offset] & kLastBlock) == 0) {
    const uint32_t header = blocks[offset] | blocks[offset + 1] << 8 | blocks[offset + 2] << 16;
    offset += kBlockHeader + ((header >> 1 & 3) == kBlockTypeRle ? 1 : header >> 3);
  }
  blocks[offset] &= static_cast<uint8_t>(~kLastBlock);
}

}  // namespace

struct ZstdCompressor::Context {
  ZSTD_CCtx* zstd = ZSTD_createCCtx();
  ~Context() { ZSTD_freeCCtx(zstd); }
};

ZstdCompressor::ZstdCompressor(int level) : context_(std::make_unique<Context>()) {
  if (!context_->zstd) throw std::bad_alloc();
  ZSTD_CCtx_setParameter(context_->zstd, ZSTD_c_compressionLevel, level);
  ZSTD_CCtx_setParameter(context_->zstd, ZSTD_c_contentSizeFlag, 0);
  ZSTD_CCtx_setParameter(context_->zstd, ZSTD_c_checksumFlag, 0);
}
ZstdCompressor::~ZstdCompressor() = default;

int ZstdCompressor::min_level() { return ZSTD_minCLevel(); }
int ZstdCompressor::max_level() { return ZSTD_maxCLevel(); }

std::optional<size_t> ZstdCompressor::BeginFrame(std::span<const uint8_t> records, std::span<uint8_t> out) {
  constexpr size_t kShift = kFrameHeader - kLibraryHeader;
  const size_t room = std::min(out.size() - kShift, records.size() - records.size() / kLeastGain);
  const size_t size = ZSTD_compress2(context_->zstd, &out[kShift], room, records.data(), records.size());
  if (ZSTD_isError(size)) return std::nullopt;
  Reopen(out.subspan(kFrameHeader, size - kLibraryHeader));
  return size + kShift;
}

size_t BeginPlainFrame(std::span<const uint8_t> records, std::span<uint8_t> out) {
  size_t used = kFrameHeader;
  while (!records.empty()) {
    const size_t size = std::min(records.size(), kLargestBlock);
    PutBlockHeader(&out[used], size, 0);
    std::memcpy(&out[used + kBlockHeader], records.data(), size);
    used += kBlockHeader + size;
    records = records.subspan(size);
  }
  return used;
}

void EndFrame(ClosingRecord& closing, size_t used, std::span<uint8_t> out) {
  // The record's length is a multiple of 4, as pcapng wants it: empty blocks bring the frame there.
  for (; (used + kBlockHeader) % 4 != 0; used += kBlockHeader) PutBlockHeader(&out[used], 0, 0);
  used += kBlockHeader;
  const size_t least = used + ClosingRecordSize(closing.pages.size(), Packing::kZstd);
  const size_t end = (least + kBlockAlignment - 1) / kBlockAlignment * kBlockAlignment;
  const size_t record_length = end - used;
  assert(end <= out.size());
  PutBlockHeader(&out[used - kBlockHeader], record_length, kLastBlock);

  closing.packing = Packing::kZstd;
  closing.block_length = static_cast<uint32_t>(closing.record_offset + record_length);
  closing.frame_length = static_cast<uint32_t>(end);
  EncodeClosingRecord(closing, out.subspan(used, record_length));
  StoreLittle32(&out[0], kMagic);
  out[4] = kDescriptor;
  StoreLittle32(&out[5], closing.block_length);
}

bool IsFrame(std::span<const uint8_t> start) { return start.size() >= 4 && LoadLittle32(start.data()) == kMagic; }

Status ReadFrame(std::span<const uint8_t> frame, std::span<uint8_t> content) {
  const size_t size = ZSTD_decompress(content.data(), content.size(), frame.data(), frame.size());
  if (ZSTD_isError(size)) return Fail(ErrorKind::kDamaged, std::string("zstd: ") + ZSTD_getErrorName(size));
  if (size != content.size()) return Fail(ErrorKind::kDamaged, "zstd: content of another length");
  return {};
}

}  // namespace dashcap
