#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "packet/packet.h"
#include "storage/block.h"

namespace dashcap {

// Packets laid out in memory one behind the other, as a capture ring has them.
class Traffic {
 public:
  // The Ethernet packets of nDPI's captures, file by file, each in its own order. Empty when the captures aren't here.
  static Traffic OfCaptures();
  // Flows of equally many packets, interleaved at random.
  static Traffic Interleaved(uint32_t flows, size_t frame_bytes, size_t packets);

  std::vector<Packet> packets() const;
  size_t size() const { return records_.size(); }

 private:
  struct Record {
    size_t offset;
    uint32_t captured;
    uint32_t original;
    Timestamp time;
  };
  void Add(std::span<const uint8_t> bytes, uint32_t original_length);

  std::vector<uint8_t> bytes_;
  std::vector<Record> records_;
};

// What every benchmark of the packet path runs over; a benchmark's argument is the index.
struct NamedTraffic {
  std::string name;
  Traffic traffic;
};
constexpr int kTrafficKinds = 4;
// Made at the first use; only the last one is kept. DASHCAP_BENCH_PACKETS limits its length.
const NamedTraffic& TrafficOfKind(int kind);

// The packets as the lane would have written them to one blockfile.
std::vector<std::unique_ptr<SealedBlock>> BlocksOf(const std::vector<Packet>& packets);

}  // namespace dashcap
