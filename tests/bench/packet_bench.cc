#include "packet/capture_reader.h"
#include "packet/decoder.h"
#include "tests/bench/figures.h"
#include "tests/packet/capture_files.h"

namespace dashcap {
namespace {

void DecodeKeys(benchmark::State& state) {
  const Traffic* traffic = TrafficOf(state);
  if (!traffic) return;
  const std::vector<Packet> packets = traffic->packets();
  Decoded decoded;
  for (auto _ : state) {
    for (const Packet& packet : packets) {
      Decode(packet.link_type, packet.bytes, decoded);
      benchmark::DoNotOptimize(decoded);
    }
  }
  CountPackets(state, packets.size());
}
BENCHMARK(DecodeKeys)->Apply(EachTraffic);

void ReadCaptures(benchmark::State& state) {
  state.SetLabel("captures in their own order");
  const std::vector<std::string> files = CaptureFiles();
  size_t packets = 0;
  for (auto _ : state) {
    packets = 0;
    for (const std::string& path : files) {
      if (path.find("/ndpi/") == std::string::npos) continue;
      auto reader = OpenCapture(path);
      if (!reader) continue;
      for (auto packet = (*reader)->Next(); packet && *packet; packet = (*reader)->Next()) {
        benchmark::DoNotOptimize((*packet)->bytes.data());
        packets++;
      }
    }
  }
  if (packets == 0) return state.SkipWithError("the captures are not here");
  CountPackets(state, packets);
}
BENCHMARK(ReadCaptures)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace dashcap

BENCHMARK_MAIN();
