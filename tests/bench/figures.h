#pragma once

#include <benchmark/benchmark.h>

#include "tests/bench/traffic.h"

namespace dashcap {

// What a benchmark reports of `packets` packets an iteration: CPU time for each.
inline void CountPackets(benchmark::State& state, size_t packets) {
  using Counter = benchmark::Counter;
  state.counters["per_packet"] =
      Counter(static_cast<double>(packets), Counter::kIsIterationInvariantRate | Counter::kInvert);
}

inline void CountBytes(benchmark::State& state, uint64_t bytes, size_t packets) {
  state.counters["bytes_per_packet"] = static_cast<double>(bytes) / static_cast<double>(packets);
}

// The traffic that the benchmark's argument names; nullptr, and the benchmark is skipped, when there is none of it.
inline const Traffic* TrafficOf(benchmark::State& state) {
  const NamedTraffic& named = TrafficOfKind(static_cast<int>(state.range(0)));
  state.SetLabel(named.name);
  if (named.traffic.size() > 0) return &named.traffic;
  state.SkipWithError("the captures are not here");
  return nullptr;
}

inline void EachTraffic(benchmark::internal::Benchmark* benchmark) {
  benchmark->DenseRange(0, kTrafficKinds - 1)->Unit(benchmark::kMillisecond);
}

}  // namespace dashcap
