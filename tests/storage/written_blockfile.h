#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "storage/blockfile_reader.h"
#include "storage/lane_writer.h"
#include "tests/storage/self_checking_packets.h"

// Blockfiles whose packets a test knows, and what can be read back of them.
namespace dashcap {

inline constexpr Timestamp kFirstSent = FromUnixNanoseconds(1'700'000'000'000'000'000);

struct Sent {
  Timestamp time;
  std::vector<uint8_t> bytes;
};

// Packets with consecutive numbers, a microsecond apart.
inline std::vector<Sent> MakeSent(size_t count, size_t size) {
  std::vector<Sent> sent(count);
  for (size_t i = 0; i < count; i++) {
    sent[i].time = kFirstSent + std::chrono::microseconds(i);
    sent[i].bytes = SelfCheckingPacket(static_cast<uint32_t>(i), size);
  }
  return sent;
}

inline Packet PacketOf(const Sent& sent) {
  Packet packet;
  packet.timestamp = sent.time;
  packet.original_length = static_cast<uint32_t>(sent.bytes.size()) + 7;
  packet.bytes = sent.bytes;
  return packet;
}

// Every Tick then writes the block in progress.
inline LaneOptions UnhurriedLane(const std::string& directory) {
  LaneOptions options;
  options.directory = directory;
  options.block_count = 4;
  options.flush_interval = Nanoseconds(0);
  options.sync = LaneOptions::Sync::kNone;
  return options;
}

// Writes one blockfile with so many packets in each block and gives its path.
inline std::string WriteBlockfile(const std::string& directory, const std::vector<Sent>& sent, size_t per_block) {
  std::string path;
  auto writer = LaneWriter::Open(UnhurriedLane(directory), {Interface{"eth7", "", "", LinkType::kEthernet, 0}},
                                 [&path](const LaneEvent& event) {
                                   const auto* published = std::get_if<BlockfilePublished>(&event);
                                   if (published) path = published->path;
                                 });
  EXPECT_TRUE(writer) << writer.error().message;
  for (size_t i = 0; i < sent.size(); i++) {
    EXPECT_TRUE((*writer)->Append(PacketOf(sent[i])));
    if (i % per_block != per_block - 1) continue;
    EXPECT_TRUE((*writer)->Tick(sent[i].time));
  }
  EXPECT_TRUE((*writer)->Finish());
  return path;
}

inline std::string BytesOf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline void WriteBytes(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

struct ReadBack {
  std::vector<uint64_t> numbers;  // of the packets that came out
  size_t wrong = 0;               // packets that are not as they were sent, or out of order
  std::vector<BlockSummary> blocks;
  std::vector<DamagedRange> damage;

  bool Has(uint64_t number) const { return std::binary_search(numbers.begin(), numbers.end(), number); }
};

// Reads everything in the file block by block. Damage of the header counts as damage, and so does a file that does not
// open.
inline ReadBack ReadBackFrom(const std::string& path, const std::vector<Sent>& sent) {
  ReadBack back;
  auto reader = BlockfileReader::Open(path);
  if (!reader) {
    back.damage.push_back({0, 0, 0, reader.error().message});
    return back;
  }
  if (reader->header_damage()) back.damage.push_back(*reader->header_damage());
  auto blocks = reader->Blocks(back.damage);
  EXPECT_TRUE(blocks) << blocks.error().message;
  if (!blocks) return back;
  back.blocks = *blocks;
  std::vector<uint8_t> buffer;
  for (const BlockSummary& block : *blocks) {
    const Status read = reader->ReadBlock(
        block, buffer,
        [&](const NumberedPacket& found) {
          const bool known = found.number < sent.size() && (back.numbers.empty() || back.numbers.back() < found.number);
          const Packet& packet = found.packet;
          const Packet expected = known ? PacketOf(sent[found.number]) : Packet{};
          const bool same =
              known && packet.timestamp == expected.timestamp && packet.interface_id == 0 &&
              packet.original_length == expected.original_length && packet.link_type == LinkType::kEthernet &&
              std::equal(packet.bytes.begin(), packet.bytes.end(), expected.bytes.begin(), expected.bytes.end());
          back.wrong += same ? 0 : 1;
          back.numbers.push_back(found.number);
          return true;
        },
        back.damage);
    EXPECT_TRUE(read) << read.error().message;
  }
  return back;
}

inline std::vector<uint64_t> Numbers(uint64_t begin, uint64_t end) {
  std::vector<uint64_t> numbers;
  for (; begin < end; begin++) numbers.push_back(begin);
  return numbers;
}

}  // namespace dashcap
