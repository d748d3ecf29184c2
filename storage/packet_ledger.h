#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/time.h"
#include "storage/block.h"

namespace dashcap {

// Why a packet that was received is not in the archive.
enum class LossReason {
  kNoFile,       // no blockfile could be begun
  kWriteError,   // its block could not be written
  kNoRoom,       // the disk had no room, and none came while it could be waited for
  kFileRemoved,  // its blockfile was removed before it was published
};
inline constexpr size_t kLossReasons = 4;
const char* NameOf(LossReason reason);  // "no_file", …

// What became of the packets of one interface, cumulative.
struct PacketCounts {
  uint64_t stored = 0;  // on the disk, as far as it says
  uint64_t cut = 0;     // of those and the lost ones: longer than kMaxCapturedLength
  uint64_t lost[kLossReasons] = {};

  uint64_t lost_in_all() const;
  PacketCounts& operator+=(const PacketCounts& other);
  bool operator==(const PacketCounts&) const = default;
};

struct LostPackets {
  uint32_t interface_id = 0;
  uint64_t packets = 0;
  Timestamp first{};  // both inclusive
  Timestamp last{};
};

// Keeps the account of a lane: every packet that was appended ends up stored or lost, once. One thread.
class PacketLedger {
 public:
  // By interface id.
  void Stored(std::span<const uint64_t> packets);
  void Lost(const SealedBlock& block, LossReason reason);
  void Lost(const LostPackets& packets, LossReason reason);
  // Stored before, and gone.
  void LostAfterAll(const LostPackets& packets, LossReason reason);
  void Cut(uint32_t interface_id) { Of(interface_id).cut++; }

  // By interface id, as far as packets of them came.
  const std::vector<PacketCounts>& counts() const { return counts_; }
  PacketCounts total() const;
  // Those since the last call; neighbours of an interface are one.
  std::vector<LostPackets> TakeLost();

 private:
  PacketCounts& Of(uint32_t interface_id);

  std::vector<PacketCounts> counts_;
  std::vector<LostPackets> lost_;
};

// How many packets of each interface the block holds, by interface id.
std::vector<uint64_t> PacketsByInterface(const SealedBlock& block);

}  // namespace dashcap
