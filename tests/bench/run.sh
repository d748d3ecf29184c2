#!/bin/bash
# Builds the benchmarks of the packet path and of queries with optimisation, runs them all, and prints a table. Arguments
# go to the benchmarks: tests/bench/run.sh --benchmark_filter=Decode
set -euo pipefail
cd "$(dirname "$0")/../.."
scripts/install-packages build test
cmake --preset release > /dev/null
cmake --build --preset release -j "$(nproc)" --target bench_packet bench_storage bench_indexer bench_query > /dev/null
results=$(mktemp)
trap 'rm -f "$results"' EXIT
echo "| step | traffic | ns/packet | bytes/packet | ms |"
echo "|---|---|---|---|---|"
for program in packet storage indexer query; do
  build/release/bin/bench_$program --benchmark_format=json "$@" 2> /dev/null > "$results"
  [ -s "$results" ] || continue # nothing that the filter matches
  jq -r '.benchmarks[] | select(.error_occurred | not) |
    def cut: if . == null then "" else . * 100 | round / 100 end;
    "| \(.name | split("/")[0]) | \(.label) | \((.per_packet // null) | if . then . * 1e9 else . end | cut) " +
    "| \(.bytes_per_packet | cut) | \(.cpu_time | cut) |"' "$results"
done
