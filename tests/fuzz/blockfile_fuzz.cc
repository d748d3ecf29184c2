#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <numeric>
#include <string>
#include <vector>

#include "storage/blockfile_reader.h"
#include "storage/catalog.h"
#include "storage/lane_writer.h"
#include "storage/recovery.h"
#include "storage/verify.h"
#include "tests/fuzz/target.h"
#include "tests/storage/self_checking_packets.h"
#include "tests/storage/temporary_directory.h"

// An input is a blockfile. It is read in every way that there is; then it is taken for one that a crash left, recovered,
// and verified.
namespace dashcap {
namespace {

namespace fs = std::filesystem;

const std::string& Lane() {
  static const TemporaryDirectory directory(kInMemory);
  return directory.path();
}

void ReadBlocks(const BlockfileReader& reader) {
  std::vector<DamagedRange> damage;
  auto blocks = reader.AllBlocks(damage);
  if (!blocks) return;
  std::vector<uint8_t> buffer;
  uint64_t end = 0;
  for (const BlockSummary& block : *blocks) {
    Require(block.offset >= end, "blocks are in file order and don't overlap");
    end = block.offset + block.length;
    std::vector<uint32_t> numbers;
    const auto take = [&numbers](const NumberedPacket& found) {
      Require(IsWhole(found.packet.bytes), "a packet that is given out is as it was stored");
      numbers.push_back(static_cast<uint32_t>(found.number));
      return true;
    };
    (void)reader.ReadBlock(block, buffer, take, damage).has_value();
    std::vector<NumberedPacket> found;
    (void)reader.ReadPackets(block, numbers, buffer, found, damage).has_value();
    Require(found.size() == numbers.size(), "by their numbers the same packets are found");
    for (const NumberedPacket& packet : found) Require(IsWhole(packet.packet.bytes), "and they are whole");
  }
}

void Recover(const std::string& hidden, const std::string& published) {
  const auto report = RecoverLane(Lane());
  Require(report.has_value(), "recovery succeeds whatever the file holds");
  Require(!fs::exists(hidden) && fs::exists(published) == (report->files_published == 1), "no hidden file is left");
  if (!fs::exists(published)) return;
  const auto verified = VerifyBlockfile(published, nullptr);
  Require(verified && verified->packets > 0, "what recovery publishes holds packets");
  const auto reader = BlockfileReader::Open(published);
  const size_t header = reader && reader->header_damage() ? 1 : 0;
  Require(verified->damage.size() == header, "what recovery publishes has no damaged block");
}

void Write(const std::string& path, const uint8_t* data, size_t size) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
}

}  // namespace

std::vector<std::string> FuzzSeeds() {
  std::vector<std::string> seeds;
  for (const size_t size : {60, 3000}) {
    const TemporaryDirectory directory(kInMemory);
    std::string path;
    LaneOptions options;
    options.directory = directory.path();
    options.block_count = 4;
    options.flush_interval = Nanoseconds(0);
    auto writer = LaneWriter::Open(options, {Interface{}}, [&path](const LaneEvent& event) {
      if (const auto* published = std::get_if<BlockfilePublished>(&event)) path = published->path;
    });
    Require(writer.has_value(), "a lane can be written");
    for (uint32_t i = 0; i < 12; i++) {
      const std::vector<uint8_t> bytes = SelfCheckingPacket(i, size + i * 4);
      Packet packet;
      packet.timestamp = FromUnixNanoseconds(1'700'000'000'000'000'000 + i);
      packet.original_length = static_cast<uint32_t>(bytes.size());
      packet.bytes = bytes;
      Require((*writer)->Append(packet).has_value(), "a packet can be stored");
      if (i % 4 == 3) Require((*writer)->Tick(packet.timestamp).has_value(), "a block can be written");
    }
    Require((*writer)->Finish().has_value(), "a blockfile can be published");
    std::ifstream file(path, std::ios::binary);
    seeds.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return seeds;
}

}  // namespace dashcap

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dashcap;
  const Timestamp start = FromUnixNanoseconds(1'700'000'000'000'000'000);
  const std::string published = Lane() + "/" + BlockfileName(start, false, Packing::kPlain);
  const std::string hidden = Lane() + "/" + BlockfileName(start, true, Packing::kPlain);
  Write(published, data, size);
  if (const auto reader = BlockfileReader::Open(published)) {
    Require(!reader->interfaces().empty(), "a blockfile has an interface");
    (void)reader->LastCounts().has_value();
    ReadBlocks(*reader);
  }
  (void)VerifyBlockfile(published, nullptr).has_value();
  std::filesystem::rename(published, hidden);
  Recover(hidden, published);
  std::filesystem::remove(published);
  return 0;
}
