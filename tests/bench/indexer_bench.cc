#include <filesystem>

#include "indexer/file_indexer.h"
#include "tests/bench/figures.h"
#include "tests/bench/temporary_directory.h"

namespace dashcap {
namespace {

FileIndexer Indexed(const std::vector<std::unique_ptr<SealedBlock>>& blocks) {
  FileIndexer indexer(1, LinkType::kEthernet);
  for (const auto& block : blocks) indexer.Add(*block);
  return indexer;
}

// Walk over the blocks, decode, flow table and postings: what the indexer's thread does.
void IndexBlocks(benchmark::State& state) {
  const Traffic* traffic = TrafficOf(state);
  if (!traffic) return;
  const auto blocks = BlocksOf(traffic->packets());
  size_t memory = 0;
  for (auto _ : state) memory = Indexed(blocks).memory_bytes();
  CountPackets(state, traffic->size());
  state.counters["memory_per_packet"] = static_cast<double>(memory) / static_cast<double>(traffic->size());
}
BENCHMARK(IndexBlocks)->Apply(EachTraffic);

void WriteTable(benchmark::State& state) {
  const Traffic* traffic = TrafficOf(state);
  if (!traffic) return;
  const TemporaryDirectory directory;
  const std::string blockfile = directory.path() + "/1.pcapng";
  directory.Touch(blockfile);
  const FileIndexer indexer = Indexed(BlocksOf(traffic->packets()));
  for (auto _ : state) {
    if (Status written = indexer.WriteTable(blockfile); !written)
      return state.SkipWithError(written.error().message.c_str());
  }
  CountPackets(state, traffic->size());
  CountBytes(state, std::filesystem::file_size(directory.path() + "/1.index"), traffic->size());
}
BENCHMARK(WriteTable)->Apply(EachTraffic);

}  // namespace
}  // namespace dashcap

BENCHMARK_MAIN();
