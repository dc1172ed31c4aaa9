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
  [ "$name" = bench_cluster ] && continue
  echo "== $name"
  "$program" --benchmark_min_time=0.2 --benchmark_out="$out/$name.json" --benchmark_out_format=json
done
echo "== bench_cluster"
"$build/tests/bench_cluster" "$out/cluster.json"
