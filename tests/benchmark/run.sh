#!/usr/bin/env bash
# Runs all benchmarks of a build, prints their tables, and last what matters most in five lines; the figures as JSON
# are in BUILD/bench.
#
#   tests/benchmark/run.sh BUILD_FOLDER [SECONDS [AGAINST]]
#     SECONDS: how long each figure is measured, 4 by default; counts and sizes of files grow with it
#     AGAINST: the folder with dfs and dfsd of another build, whose start is measured beside this one's
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(realpath "$1")
seconds=${2:-4}
against=${3:-}
[[ $seconds =~ ^[1-9][0-9]{0,2}$ ]] || { echo "seconds=$seconds is no number of seconds from 1 to 999" >&2; exit 2; }
out=$build/bench
mkdir -p "$out"

# A program that can't be had is not compared with, and the script said why.
fetched=${XDG_CACHE_HOME:-$HOME/.cache}/atoll
"$here/fetch_packages.sh" etcd "$fetched/etcd" "etcd etcdctl" "etcd-server etcd-client" || true
"$here/fetch_packages.sh" haproxy "$fetched/haproxy" haproxy \
  "haproxy liblua5.3-0 libopentracing-c-wrapper0 libopentracing1" || true
export PATH="$PATH:$fetched/etcd/usr/bin:$fetched/haproxy/usr/sbin"
haproxy_libraries=$(echo "$fetched"/haproxy/usr/lib/*-linux-gnu)

min_time=$(awk "BEGIN { print $seconds * 0.05 }") # there are many figures
for program in "$build"/tests/bench_*; do
  name=$(basename "$program")
  case $name in
  bench_balancers | bench_cluster | bench_codes | bench_consensus | bench_control | bench_dispatcher | bench_frozen | bench_job | bench_keeper | bench_names | bench_repair | bench_schemes | bench_start | bench_tail)
    continue ;;
  esac
  echo "== $name"
  # Debian compiles Google Benchmark with assertions, of which the library warns at each start. They stand around the
  # loop that is measured, not in it.
  "$program" --benchmark_min_time="$min_time" --benchmark_out="$out/$name.json" \
    --benchmark_out_format=json 2> >(grep -v 'Library was built as DEBUG' >&2 || true)
done
seeds=$((seconds * 250))
echo "== simulator: $seeds seeds of each protocol, on one core"
for protocol in raft paxos two_phase_commit; do
  began=$(date +%s%N)
  "$build/bin/atoll" simulate "$protocol" --seeds "$seeds" --jobs 1
  echo "  in $((($(date +%s%N) - began) / 1000000)) ms"
done
echo "== bench_balancers"
"$build/tests/bench_balancers" --seconds "$seconds" --json "$out/balancers.json"
for workload in steady one-slow one-paused antagonists prequal; do
  echo "== balancers under the workload $workload"
  "$build/bin/atoll" compare random round_robin weighted_random least_loaded power_of_two peak_ewma prequal c3 adaptive \
    --workload "$here/../../configs/workloads/$workload.toml" --requests $((seconds * 20000)) --json "$out/$workload.json"
done
echo "== bench_control"
"$build/tests/bench_control" --seconds "$seconds" --json "$out/control.json"
echo "== bench_dispatcher"
"$build/tests/bench_dispatcher" --seconds "$seconds" --json "$out/dispatcher.json"
echo "== bench_tail"
LD_LIBRARY_PATH="$haproxy_libraries" "$build/tests/bench_tail" --seconds "$seconds" --json "$out/tail.json"
echo "== bench_keeper"
"$build/tests/bench_keeper" --seeds $((seconds * 50)) --json "$out/keeper.json"
echo "== bench_codes"
"$build/tests/bench_codes" --seconds "$seconds" --json "$out/codes.json"
echo "== bench_names"
"$build/tests/bench_names" --commands $((seconds * 5000)) --json "$out/names.json"
echo "== bench_consensus"
"$build/tests/bench_consensus" --seconds "$seconds" --kills $((seconds * 5)) --json "$out/consensus.json"
echo "== bench_start"
"$build/tests/bench_start" --rounds $((seconds + 1)) --json "$out/start.json" ${against:+--against "$against"}
echo "== bench_frozen"
"$build/tests/bench_frozen" --files $((seconds * 5)) --json "$out/frozen.json"
echo "== bench_repair"
"$build/tests/bench_repair" --mib $((seconds * 256)) --seconds "$seconds" --json "$out/repair.json"
echo "== bench_schemes"
"$build/tests/bench_schemes" --mib $((seconds * 256)) --json "$out/schemes.json"
echo "== bench_job"
"$build/tests/bench_job" --mib $((seconds * 256)) --json "$out/job.json"
echo "== bench_cluster"
"$build/tests/bench_cluster" --seconds "$seconds" --json "$out/cluster.json"

# summary FILE FIGURE: the figure, with what it is compared to and their ratio, in a line
summary() {
  awk -v figure="$2" '
    index($0, "  \"" figure "\"") == 1 { inside = 1 }
    inside && /"(ratio|ratio_to|unit|value)":/ {
      key = $1
      gsub(/[":]/, "", key)
      sub(/^ *"[a-z_]*": */, "")
      gsub(/[",]/, "")
      of[key] = $0
    }
    inside && /}/ {
      sub(/, to etcd.s$/, "", figure)
      printf "%-44s %9.1f %-5s %9.1f %-10s %6.2f\n",
        figure, of["value"], of["unit"], of["value"] / of["ratio"], of["ratio_to"], of["ratio"]
      exit
    }' "$1"
}
echo "== what, ours, baseline, ratio"
if grep -q "to etcd's" "$out/consensus.json"; then
  summary "$out/consensus.json" "raft: 256-byte commits, 16 clients, to etcd's"
else
  summary "$out/consensus.json" "raft: 256-byte commits, 16 clients"
fi
summary "$out/start.json" "start to first PUT of 4 KiB, 4 processes"
summary "$out/start.json" "resident memory of master-1"
summary "$out/cluster.json" "fsync: PUT $((seconds * 256)) MiB, 3 replicas"
summary "$out/cluster.json" "fsync: GET $((seconds * 256)) MiB, one reader"
