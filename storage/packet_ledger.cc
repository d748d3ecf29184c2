#include "storage/packet_ledger.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "storage/block_reader.h"

namespace dashcap {
namespace {

constexpr size_t IndexOf(LossReason reason) { return static_cast<size_t>(reason); }
static_assert(IndexOf(LossReason::kFileRemoved) + 1 == kLossReasons);

}  // namespace

const char* NameOf(LossReason reason) {
  switch (reason) {
    case LossReason::kNoFile:
      return "no_file";
    case LossReason::kWriteError:
      return "write_error";
    case LossReason::kNoRoom:
      return "no_room";
    case LossReason::kFileRemoved:
      return "file_removed";
  }
  return "";
}

uint64_t PacketCounts::lost_in_all() const { return std::accumulate(std::begin(lost), std::end(lost), uint64_t{0}); }

PacketCounts& PacketCounts::operator+=(const PacketCounts& other) {
  stored += other.stored;
  cut += other.cut;
  for (size_t i = 0; i < kLossReasons; i++) lost[i] += other.lost[i];
  return *this;
}

PacketCounts& PacketLedger::Of(uint32_t interface_id) {
  if (interface_id >= counts_.size()) counts_.resize(interface_id + 1);
  return counts_[interface_id];
}

void PacketLedger::Stored(std::span<const uint64_t> packets) {
  for (uint32_t id = 0; id < packets.size(); id++) Of(id).stored += packets[id];
}

void PacketLedger::Lost(const SealedBlock& block, LossReason reason) {
  const std::vector<uint64_t> packets = PacketsByInterface(block);
  for (uint32_t id = 0; id < packets.size(); id++) {
    if (packets[id] > 0) Lost({id, packets[id], block.closing.first_time, block.closing.last_time}, reason);
  }
}

void PacketLedger::Lost(const LostPackets& packets, LossReason reason) {
  Of(packets.interface_id).lost[IndexOf(reason)] += packets.packets;
  const auto known = std::find_if(lost_.begin(), lost_.end(), [&packets](const LostPackets& lost) {
    return lost.interface_id == packets.interface_id;
  });
  if (known == lost_.end()) {
    lost_.push_back(packets);
    return;
  }
  known->packets += packets.packets;
  known->first = std::min(known->first, packets.first);
  known->last = std::max(known->last, packets.last);
}

void PacketLedger::LostAfterAll(const LostPackets& packets, LossReason reason) {
  Of(packets.interface_id).stored -= packets.packets;
  Lost(packets, reason);
}

PacketCounts PacketLedger::total() const {
  PacketCounts sum;
  for (const PacketCounts& counts : counts_) sum += counts;
  return sum;
}

std::vector<LostPackets> PacketLedger::TakeLost() { return std::exchange(lost_, {}); }

std::vector<uint64_t> PacketsByInterface(const SealedBlock& block) {
  const ClosingRecord& closing = block.closing;
  if (closing.interface_count <= 1) return {closing.packet_count};
  std::vector<uint64_t> packets(closing.interface_count);
  BlockReader reader(closing, block.records(), BlockReader::Trust::kOwnMemory);
  while (const auto packet = reader.Next()) packets[packet->packet.interface_id]++;
  return packets;
}

}  // namespace dashcap
