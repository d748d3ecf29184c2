#include "storage/packet_ledger.h"

#include <gmock/gmock.h>

#include <utility>

#include "storage/block_builder.h"

namespace dashcap {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const Timestamp kNoon = FromUnixNanoseconds(1'795'492'800'000'000'000);

// Packets of interfaces 0, 1, 1, 2, a second apart.
std::unique_ptr<SealedBlock> FourPackets(const std::shared_ptr<BlockPool>& pool, uint32_t interface_count) {
  ClosingRecord place;
  place.interface_count = interface_count;
  BlockBuilder builder(pool->TryTake(), place, 0);
  const uint8_t bytes[60] = {};
  const uint32_t interface_ids[] = {0, 1, 1, 2};
  for (int i = 0; i < 4; i++) {
    Packet packet;
    packet.timestamp = kNoon + std::chrono::seconds(i);
    packet.original_length = sizeof bytes;
    packet.interface_id = std::min(interface_ids[i], interface_count - 1);
    packet.bytes = bytes;
    EXPECT_TRUE(builder.Append(packet));
  }
  return std::move(builder).Seal(kMaxTimestamp, kMinTimestamp);
}

uint64_t LostOf(const PacketCounts& counts, LossReason reason) { return counts.lost[static_cast<size_t>(reason)]; }

TEST(PacketLedger, ABlocksPacketsAreCountedByInterface) {
  const auto pool = BlockPool::Create(2, BlockPool::Frames::kNone);
  EXPECT_THAT(PacketsByInterface(*FourPackets(pool, 1)), ElementsAre(4));
  EXPECT_THAT(PacketsByInterface(*FourPackets(pool, 3)), ElementsAre(1, 2, 1));
}

TEST(PacketLedger, EveryPacketIsStoredOrLostOnce) {
  const auto pool = BlockPool::Create(2, BlockPool::Frames::kNone);
  const auto block = FourPackets(pool, 3);
  PacketLedger ledger;
  ledger.Stored(PacketsByInterface(*block));
  ledger.Lost(*block, LossReason::kWriteError);
  ledger.Lost({1, 1, kNoon, kNoon}, LossReason::kNoFile);
  ledger.LostAfterAll({1, 2, kNoon, kNoon}, LossReason::kFileRemoved);

  const PacketCounts total = ledger.total();
  EXPECT_EQ(total.stored, 2u);
  EXPECT_EQ(total.lost_in_all(), 7u);
  EXPECT_EQ(total.stored + total.lost_in_all(), 4u + 4u + 1u);
  const PacketCounts& of_second = ledger.counts()[1];
  EXPECT_EQ(of_second.stored, 0u);
  EXPECT_EQ(LostOf(of_second, LossReason::kWriteError), 2u);
  EXPECT_EQ(LostOf(of_second, LossReason::kNoFile), 1u);
  EXPECT_EQ(LostOf(of_second, LossReason::kFileRemoved), 2u);
  EXPECT_EQ(LostOf(of_second, LossReason::kNoRoom), 0u);
}

TEST(PacketLedger, LossesAreToldOfOnceWithTheirTimes) {
  const auto pool = BlockPool::Create(2, BlockPool::Frames::kNone);
  PacketLedger ledger;
  ledger.Lost({0, 1, kNoon - std::chrono::seconds(5), kNoon - std::chrono::seconds(5)}, LossReason::kNoFile);
  ledger.Lost(*FourPackets(pool, 1), LossReason::kWriteError);
  const std::vector<LostPackets> lost = ledger.TakeLost();
  ASSERT_EQ(lost.size(), 1u);
  EXPECT_EQ(lost[0].packets, 5u);
  EXPECT_EQ(lost[0].first, kNoon - std::chrono::seconds(5));
  EXPECT_EQ(lost[0].last, kNoon + std::chrono::seconds(3));
  EXPECT_THAT(ledger.TakeLost(), IsEmpty());
}

}  // namespace
}  // namespace dashcap
