#include "storage/block_reader.h"

#include <algorithm>

#include "base/byte_reader.h"
#include "base/crc32c.h"
#include "storage/block_builder.h"
#include "tests/fuzz/target.h"
#include "tests/storage/self_checking_packets.h"

// Checksums keep a fuzzer out, so an input is what stands behind them: u16 packet count, u16 packet to seek, the first
// record and the packets before it of eight pages (u16 each), then the records. The target makes the block, checksums
// and all, as a writer that was wrong would have. In the end the input is also taken for a block as it stands.
namespace dashcap {
namespace {

constexpr size_t kPages = 8;

ClosingRecord MakeClosing(ByteReader& in, uint32_t& seek) {
  ClosingRecord closing;
  closing.file_id = 1;
  closing.block_offset = 4096;
  closing.sequence = 1;
  closing.interface_count = 1;
  closing.packet_count = in.Little16();
  seek = in.Little16();
  closing.pages.resize(kPages);
  for (PageEntry& page : closing.pages) {
    page.first_record = in.Little16();
    page.packets_before = in.Little16();
  }
  const std::span<const uint8_t> records = in.rest();
  closing.pages.resize(std::min(kPages, (records.size() + kPageSize - 1) / kPageSize));
  return closing;
}

void Walk(BlockReader reader, std::span<const uint8_t> records) {
  uint64_t next_number = 0;
  size_t count = 0;
  while (const auto found = reader.Next()) {
    const std::span<const uint8_t> bytes = found->packet.bytes;
    Require(bytes.empty() ||
                (bytes.data() >= records.data() && bytes.data() + bytes.size() <= records.data() + records.size()),
            "a packet lies within its block");
    Require(found->number >= next_number, "packet numbers ascend");
    next_number = found->number + 1;
    Require(++count <= records.size() / 12 + 1, "each record takes room");
  }
}

}  // namespace

std::vector<std::string> FuzzSeeds() {
  std::vector<std::string> seeds;
  for (const size_t size : {size_t{60}, size_t{1500}, size_t{40'000}}) {
    auto block = std::make_unique<SealedBlock>();
    block->memory = AlignedBuffer(kMaxBlockSize);
    ClosingRecord place;
    place.interface_count = 1;
    BlockBuilder builder(std::move(block), place, 0);
    for (uint32_t i = 0; i < 12; i++) {
      const std::vector<uint8_t> bytes = SelfCheckingPacket(i, size + i);
      Packet packet;
      packet.bytes = bytes;
      packet.original_length = static_cast<uint32_t>(bytes.size());
      if (size * i < kPages * kPageSize - 2 * size) builder.Append(packet);
    }
    const auto sealed = std::move(builder).Seal(kMaxTimestamp, kMinTimestamp);
    std::vector<uint8_t> seed(4 + kPages * 4);
    StoreLittle16(seed.data(), static_cast<uint16_t>(sealed->closing.packet_count));
    StoreLittle16(&seed[2], 3);
    for (size_t i = 0; i < sealed->closing.pages.size() && i < kPages; i++) {
      StoreLittle16(&seed[4 + i * 4], sealed->closing.pages[i].first_record);
      StoreLittle16(&seed[6 + i * 4], sealed->closing.pages[i].packets_before);
    }
    const std::span<const uint8_t> records = sealed->records();
    seed.insert(seed.end(), records.begin(), records.end());
    seeds.emplace_back(seed.begin(), seed.end());
    if (size == 60) seeds.emplace_back(sealed->bytes().begin(), sealed->bytes().end());
  }
  return seeds;
}

}  // namespace dashcap

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dashcap;
  ByteReader in({data, size});
  uint32_t seek = 0;
  ClosingRecord closing = MakeClosing(in, seek);
  const std::span<const uint8_t> records = in.rest().first(std::min(in.remaining(), kPages * kPageSize));
  for (size_t page = 0; page < closing.pages.size(); page++) {
    const size_t start = page * kPageSize;
    closing.pages[page].crc32c = Crc32c(records.subspan(start, std::min(kPageSize, records.size() - start)));
  }
  closing.record_offset = static_cast<uint32_t>(records.size() / 4 * 4);
  std::vector<uint8_t> tail(ClosingRecordSize(closing.pages.size()));
  closing.block_length = closing.record_offset + static_cast<uint32_t>(tail.size());
  EncodeClosingRecord(closing, tail);
  const auto decoded = DecodeClosingRecord(tail);
  Require(!decoded || *decoded == closing, "a closing record reads as it was written");

  Walk(BlockReader(closing, records, BlockReader::Trust::kVerify), records);
  BlockReader sought(closing, records, BlockReader::Trust::kVerify);
  sought.SeekTo(seek);
  Walk(std::move(sought), records);
  std::vector<bool> some_sound(closing.pages.size());
  for (size_t page = 0; page < some_sound.size(); page++) some_sound[page] = (seek >> page & 1) != 0;
  Walk(BlockReader(closing, records, some_sound), records);

  const std::span<const uint8_t> whole(data, size);
  const auto at_end = DecodeClosingRecord(whole);
  if (!at_end || at_end->record_offset > size) return 0;
  BlockReader as_it_stands(*at_end, whole.first(at_end->record_offset), BlockReader::Trust::kVerify);
  while (const auto found = as_it_stands.Next()) {
    Require(IsWhole(found->packet.bytes), "a packet that is given out is as it was stored");
  }
  return 0;
}
