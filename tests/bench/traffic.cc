#include "tests/bench/traffic.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <numeric>
#include <optional>
#include <random>

#include "packet/capture_reader.h"
#include "storage/block_builder.h"
#include "tests/packet/capture_files.h"
#include "tests/tools/made_frames.h"

namespace dashcap {
namespace {

constexpr size_t kLargestFrame = 1514;
constexpr Nanoseconds kPacketInterval = std::chrono::microseconds(1);
constexpr Timestamp kStart{std::chrono::seconds(1'700'000'000)};
constexpr size_t kStatisticsSize = 128;

size_t PacketLimit() {
  const char* limit = std::getenv("DASHCAP_BENCH_PACKETS");
  return limit ? std::strtoull(limit, nullptr, 10) : std::numeric_limits<size_t>::max();
}

Traffic MakeTraffic(int kind) {
  switch (kind) {
    case 0:
      return Traffic::OfCaptures();
    case 1:
      return Traffic::Interleaved(65'536, 64, 2'000'000);
    case 2:
      return Traffic::Interleaved(65'536, 1500, 400'000);
    default:
      return Traffic::Interleaved(1'000'000, 100, 3'000'000);
  }
}

}  // namespace

void Traffic::Add(std::span<const uint8_t> bytes, uint32_t original_length) {
  const Timestamp time = kStart + kPacketInterval * static_cast<int64_t>(records_.size());
  records_.push_back({bytes_.size(), static_cast<uint32_t>(bytes.size()), original_length, time});
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  bytes_.resize((bytes_.size() + 7) / 8 * 8);
}

Traffic Traffic::OfCaptures() {
  Traffic traffic;
  for (const std::string& path : CaptureFiles()) {
    if (path.find("/ndpi/") == std::string::npos) continue;
    auto reader = OpenCapture(path);
    if (!reader) continue;
    while (traffic.size() < PacketLimit()) {
      auto packet = (*reader)->Next();
      if (!packet || !*packet) break;
      const Packet& found = **packet;
      if (found.link_type != LinkType::kEthernet || found.bytes.size() > kLargestFrame) continue;
      traffic.Add(found.bytes, found.original_length);
    }
  }
  return traffic;
}

Traffic Traffic::Interleaved(uint32_t flows, size_t frame_bytes, size_t packets) {
  packets = std::min(packets, PacketLimit());
  flows = static_cast<uint32_t>(std::min<size_t>(flows, packets));
  std::mt19937 random(42);
  std::vector<uint8_t> frames;
  for (uint32_t i = 0; i < flows; i++) {
    const std::vector<uint8_t> frame = MakeFrame(random, frame_bytes, i % 2 == 1);
    frames.insert(frames.end(), frame.begin(), frame.end());
  }
  Traffic traffic;
  traffic.bytes_.reserve(packets * (frame_bytes + 8));
  for (size_t i = 0; i < packets; i++) {
    traffic.Add(std::span(frames).subspan(random() % flows * frame_bytes, frame_bytes),
                static_cast<uint32_t>(frame_bytes));
  }
  return traffic;
}

std::vector<Packet> Traffic::packets() const {
  std::vector<Packet> packets;
  packets.reserve(records_.size());
  for (const Record& record : records_) {
    Packet& packet = packets.emplace_back();
    packet.timestamp = record.time;
    packet.original_length = record.original;
    packet.bytes = std::span(bytes_).subspan(record.offset, record.captured);
  }
  return packets;
}

const NamedTraffic& TrafficOfKind(int kind) {
  static const std::array<std::string, kTrafficKinds> kNames = {
      "captures in their own order", "65,536 flows at random, 64 B", "65,536 flows at random, 1500 B",
      "1,000,000 flows at random, 100 B"};
  static std::optional<NamedTraffic> current;
  static int current_kind = -1;
  if (kind != current_kind) {
    current.reset();
    current = NamedTraffic{kNames.at(static_cast<size_t>(kind)), MakeTraffic(kind)};
    current_kind = kind;
  }
  return *current;
}

std::vector<std::unique_ptr<SealedBlock>> BlocksOf(const std::vector<Packet>& packets) {
  std::vector<std::unique_ptr<SealedBlock>> blocks;
  std::optional<BlockBuilder> builder;
  ClosingRecord place;
  place.interface_count = 1;
  const auto seal = [&] {
    blocks.push_back(std::move(*builder).Seal(kMaxTimestamp, kMinTimestamp));
    place.block_offset += blocks.back()->closing.block_length;
    place.first_packet_number += blocks.back()->closing.packet_count;
    place.sequence++;
    builder.reset();
  };
  for (const Packet& packet : packets) {
    if (builder && builder->Append(packet)) continue;
    if (builder) seal();
    auto block = std::make_unique<SealedBlock>();
    block->memory = AlignedBuffer(kMaxBlockSize);
    builder.emplace(std::move(block), place, kStatisticsSize);
    builder->Append(packet);
  }
  if (builder) seal();
  return blocks;
}

}  // namespace dashcap
