#!/bin/bash
# Runs every fuzz target for SECONDS (600 when not given), one after the other, each going on from the corpus that it
# found before. What fails is left beside the corpora, with the command that shows it again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
seconds=${1:-600}
cmake --preset fuzz > /dev/null
cmake --build --preset fuzz -j "$(nproc)"
results=build/fuzz/tests/fuzz
failed=()
for program in "$results"/fuzz_*; do
  name=${program##*/fuzz_}
  mkdir -p "$results/corpus/$name"
  echo "=== $name, $seconds s"
  "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$results/$name-" "$results/corpus/$name" 2> "$results/$name.log" || failed+=("$name")
  grep -E 'stat::(number_of_executed_units|average_exec_per_sec|peak_rss_mb)|SUMMARY|does not hold|Test unit written' \
    "$results/$name.log" || true
done
if ((${#failed[@]})); then
  echo "failed: ${failed[*]}; see $results/NAME.log, and run fuzz_NAME FILE with the file that it names" >&2
  exit 1
fi
