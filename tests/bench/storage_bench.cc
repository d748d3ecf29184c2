#include "storage/block_builder.h"
#include "storage/block_reader.h"
#include "storage/lane_writer.h"
#include "tests/bench/figures.h"
#include "tests/bench/temporary_directory.h"

namespace dashcap {
namespace {

// Copy into blocks and seal them, checksums included; the same memory again and again, as the pool gives it out.
void BuildBlocks(benchmark::State& state) {
  const Traffic* traffic = TrafficOf(state);
  if (!traffic) return;
  const std::vector<Packet> packets = traffic->packets();
  constexpr size_t kStatisticsSize = 128;
  auto block = std::make_unique<SealedBlock>();
  block->memory = AlignedBuffer(kMaxBlockSize);
  uint64_t bytes = 0;
  for (auto _ : state) {
    bytes = 0;
    std::optional<BlockBuilder> builder;
    builder.emplace(std::move(block), ClosingRecord{}, kStatisticsSize);
    for (const Packet& packet : packets) {
      if (builder->Append(packet)) continue;
      block = std::move(*builder).Seal(kMaxTimestamp, kMinTimestamp);
      bytes += block->closing.block_length;
      builder.emplace(std::move(block), ClosingRecord{}, kStatisticsSize);
      builder->Append(packet);
    }
    block = std::move(*builder).Seal(kMaxTimestamp, kMinTimestamp);
    bytes += block->closing.block_length;
  }
  CountPackets(state, packets.size());
  CountBytes(state, bytes, packets.size());
}
BENCHMARK(BuildBlocks)->Apply(EachTraffic);

void WalkBlocks(benchmark::State& state) {
  const Traffic* traffic = TrafficOf(state);
  if (!traffic) return;
  const auto blocks = BlocksOf(traffic->packets());
  for (auto _ : state) {
    for (const auto& block : blocks) {
      BlockReader reader(block->closing, block->records(), BlockReader::Trust::kOwnMemory);
      while (auto packet = reader.Next()) benchmark::DoNotOptimize(packet->packet.bytes.data());
    }
  }
  CountPackets(state, traffic->size());
}
BENCHMARK(WalkBlocks)->Apply(EachTraffic);

// The whole way to the disk: blocks, direct writes, publishing. CPU time of the process, kernel included.
void WriteBlockfiles(benchmark::State& state) {
  const Traffic* traffic = TrafficOf(state);
  if (!traffic) return;
  const std::vector<Packet> packets = traffic->packets();
  uint64_t bytes = 0;
  for (auto _ : state) {
    const TemporaryDirectory directory;
    LaneOptions options;
    options.directory = directory.path() + "/lane";
    auto writer = LaneWriter::Open(options, {Interface{}}, [](LaneEvent) {});
    if (!writer) return state.SkipWithError(writer.error().message.c_str());
    for (const Packet& packet : packets) {
      if (Status status = (*writer)->Append(packet); !status)
        return state.SkipWithError(status.error().message.c_str());
    }
    if (Status status = (*writer)->Finish(); !status) return state.SkipWithError(status.error().message.c_str());
    bytes = 0;
    for (const auto& file : std::filesystem::directory_iterator(options.directory)) bytes += file.file_size();
  }
  CountPackets(state, packets.size());
  CountBytes(state, bytes, packets.size());
}
BENCHMARK(WriteBlockfiles)->Apply(EachTraffic)->MeasureProcessCPUTime();

}  // namespace
}  // namespace dashcap

BENCHMARK_MAIN();
