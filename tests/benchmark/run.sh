#!/usr/bin/env bash
# Runs all benchmarks of a build and prints their tables; the figures as JSON are in BUILD/bench.
#
#   tests/benchmark/run.sh BUILD_FOLDER
set -euo pipefail
build=$(realpath "$1")
out=$build/bench
mkdir -p "$out"
for program in "$build"/tests/bench_*; do
  name=$(basename "$program")
  [ "$name" = bench_cluster ] || [ "$name" = bench_consensus ] && continue
  echo "== $name"
  "$program" --benchmark_min_time=0.2 --benchmark_out="$out/$name.json" --benchmark_out_format=json
done
echo "== simulator: a thousand seeds of each protocol, on one core"
for protocol in raft paxos two_phase_commit; do
  began=$(date +%s%N)
  "$build/bin/atoll" simulate "$protocol" --seeds 1000 --jobs 1
  echo "  in $((($(date +%s%N) - began) / 1000000)) ms"
done
echo "== bench_consensus"
"$build/tests/bench_consensus" --json "$out/consensus.json"
echo "== bench_cluster"
"$build/tests/bench_cluster" "$out/cluster.json"
