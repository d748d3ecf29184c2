#include <chrono>
#include <filesystem>

#include "storage/block_builder.h"
#include "storage/block_reader.h"
#include "storage/catalog.h"
#include "storage/lane_writer.h"
#include "storage/recovery.h"
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

// What a start after kill -9 costs: every block of the hidden file is read and checked. Wall-clock time, as the recorder
// waits for it; s/GiB is what is promised.
void RecoverBlockfile(benchmark::State& state) {
  const Traffic* traffic = TrafficOf(state);
  if (!traffic) return;
  const std::vector<Packet> packets = traffic->packets();
  const TemporaryDirectory directory;
  LaneOptions options;
  options.directory = directory.path() + "/lane";
  options.max_file_bytes = kMaxBlockfileSize;
  {
    auto writer = LaneWriter::Open(options, {Interface{}}, [](LaneEvent) {});
    if (!writer) return state.SkipWithError(writer.error().message.c_str());
    for (const Packet& packet : packets) {
      if (Status status = (*writer)->Append(packet); !status)
        return state.SkipWithError(status.error().message.c_str());
    }
    if (Status status = (*writer)->Finish(); !status) return state.SkipWithError(status.error().message.c_str());
  }
  const auto files = ListLane(options.directory);
  if (!files || files->size() != 1) return state.SkipWithError("one blockfile expected");
  BlockfileEntry hidden = files->front();
  hidden.open = true;
  double seconds = 0;
  for (auto _ : state) {
    std::filesystem::rename(files->front().path(), hidden.path());
    const auto begun = std::chrono::steady_clock::now();
    const auto report = RecoverLane(options.directory);
    const double taken = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    if (!report || report->files_published != 1) return state.SkipWithError("not recovered");
    state.SetIterationTime(taken);
    seconds += taken;
  }
  const double gib = static_cast<double>(files->front().bytes) * static_cast<double>(state.iterations()) / (1 << 30);
  state.counters["s_per_GiB"] = seconds / gib;
}
BENCHMARK(RecoverBlockfile)->Apply(EachTraffic)->UseManualTime();

}  // namespace
}  // namespace dashcap

BENCHMARK_MAIN();
