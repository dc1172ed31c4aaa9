#!/usr/bin/env bash
# Builds the job queue that docs/WRITING_A_SERVICE.md quotes against an installation alone, and runs it: three processes,
# with each of the three protocols by changing one line. Workers take jobs while the leader is killed; each job is done
# once. Then a dispatcher's worker, a node, is killed while it has requests.
#
# service.sh BUILD CMAKE GENERATOR COMPILER
#   BUILD: a build folder of Atoll in which everything is built
set -euo pipefail
umask 022
build=$1 cmake=$2 generator=$3 compiler=$4
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
prefix=$work/prefix
jobs=$work/build/jobs
test=author_service
logs="$work/cluster-*/run/*.log"
. "$here/../docs/checks.sh"
. "$here/../docs/blocks.sh"
export CMAKE_GENERATOR="$generator" CXX="$compiler" CXXFLAGS="-Wall -Wextra -Werror"
cleanup() {
  for folder in "$work"/cluster-*; do
    [ ! -d "$folder" ] || "$jobs" down "$folder" >"$work/down" 2>&1 || true
  done
  rm -rf "$work"
}
trap cleanup EXIT

# What the guide prints is the job queue, word for word but for what … leaves out.
guide=$here/../../docs/WRITING_A_SERVICE.md
# is_quoted LANGUAGE FILE…: whether the blocks of a language quote the files, in this order, and nothing else
is_quoted() {
  local language=$1 number=0 file
  shift
  for file in "$@"; do
    number=$((number + 1))
    printf '…%s…\n' "$(block "$language" "$number" "$guide")" >"$work/out"
    is_shown "$here/job_queue/$file" "$work/out" || fail "the guide quotes $file otherwise than it is:"
  done
  [ "$(blocks "$language" "$guide")" = "$number" ] || fail "the guide has blocks of $language that nothing compares"
}
is_quoted cpp job_queue.cpp job_queue.hpp jobsd.cpp jobs.cpp ../digger/digger.hpp ../runners/runners.hpp ../gateway/gateway.hpp ../job_queue_proof/prove_jobs.cpp
is_quoted cmake CMakeLists.txt ../job_queue_proof/CMakeLists.txt
is_quoted toml cluster/cluster.toml ../digger/workers.toml ../runners/runners.toml

lines=$(cat "$here"/job_queue/*.* "$here"/job_queue/cluster/* | wc -l)
[ "$lines" -le 270 ] || fail "the job queue has $lines lines, and shall be an example of at most 270"
quietly "installing Atoll" "$cmake" --install "$build" --prefix "$prefix"
quietly "configuring the job queue" "$cmake" -S "$here/job_queue" -B "$work/build" -DCMAKE_PREFIX_PATH="$prefix" \
  -DCMAKE_BUILD_TYPE=Release
quietly "building the job queue" "$cmake" --build "$work/build"

# work_on NAME: a worker, which takes jobs until all are done, and writes down each that it finished. A lease that is
# lost by the death of the leader expires after a second, and another worker gets the job. A worker ends with this test.
work_on() {
  local id lease text
  while kill -0 $$ 2>/dev/null && [ "$("$jobs" count | cut -d' ' -f3)" != 60 ]; do
    if read -r id lease text < <("$jobs" lease 1 2>/dev/null) && [ -n "$id" ]; then
      ! "$jobs" done "$id" "$lease" >/dev/null 2>&1 || echo "$text" >>"$work/done.$protocol.$1"
    fi
  done
}

# process_of NODE: the number of its process
process_of() {
  cat "$folder/run/$1.pid"
}

# administer: replaces a member whose disk is lost, adds a fourth one, by an id that the other one got meanwhile, and lets
# it lead where the protocol can
administer() {
  local lost=member-3 fourth=member-4 port
  port=$(sed -n 's/.*"member-3", address = "127.0.0.1:\([0-9]*\)".*/\1/p' "$folder/cluster.toml")
  kill -9 "$(process_of "$lost")"
  rm -r "$folder/data/$lost"
  wait_until "it is said that $lost takes no part" is_left_out "$lost"
  quietly "replacing $lost" "$jobs" member replace "$lost"
  sed "s/member-1/$fourth/" "$folder/member-1.toml" >"$folder/$fourth.toml"
  sed -i "s/^]$/  { id = 4, name = \"$fourth\", address = \"127.0.0.1:$((port + 1))\", joins = true },\n]/" "$folder/cluster.toml"
  "$jobs" up --timeout 1 "$folder" >"$work/out" 2>&1 || true # nobody has let it in yet
  quietly "adding $fourth" "$jobs" member add "$fourth"
  quietly "adding $fourth again" "$jobs" member add "$fourth"
  grep -qx "$fourth is a voter already" "$work/out" || fail "an addition is not safe to repeat"
  quietly "listing the members" "$jobs" member list
  wait_until "all four members vote and are up" are_voters 4
  if [ "$protocol" = raft ]; then
    wait_until "$fourth is let lead" is_let_lead "$fourth"
    quietly "removing member-2" "$jobs" member remove member-2
  fi
  wait_until "all jobs are still done after a change of members" are_done
}

# is_left_out MEMBER: `up` fails, and says that the member takes no part
is_left_out() {
  ! "$jobs" up --timeout 1 "$folder" >"$work/out" 2>&1 || fail "a member without its disk is ready"
  grep -q "$1 takes no part" "$work/out"
}

# are_voters NUMBER: so many members vote and are up
are_voters() {
  "$jobs" member list >"$work/out" 2>&1 && [ "$(grep -c ' voter  *up ' "$work/out")" = "$1" ]
}

# is_let_lead MEMBER: which a busy machine may delay for longer than the command waits
is_let_lead() {
  "$jobs" member lead "$1" >"$work/out" 2>&1
}

# are_done: each of the jobs
are_done() {
  [ "$("$jobs" count 2>/dev/null)" = "0 0 60" ]
}

# measured NAME: a number that the front of member-1 measures, without labels of workers
measured() {
  "$jobs" metrics member-1 | sed -n "s/^atoll_dispatcher_$1{role=\"front\",dispatcher=\"front\"} //p"
}

# is_measured NAME COMPARISON NUMBER: compares what `measured` says
is_measured() {
  local now
  now=$(measured "$1") && [ -n "$now" ] && [ "$now" "$2" "$3" ]
}

# is_asked: member-3 has a request, or was noticed to hang before that could be seen
is_asked() {
  "$jobs" metrics member-1 >"$work/metrics" &&
    grep -Eq '^atoll_dispatcher_(worker_in_flight\{.*"member-3".*\} 1|retries_total\{.*\} [1-9])' "$work/metrics"
}

# is_run_by MEMBER: the next text is run there
is_run_by() {
  "$jobs" run member-1 "text-7" | grep -q "^$1"
}

# fan_out: member-1 hands texts to the runners of all members. One of them hangs and is then killed: others do its work.
fan_out() {
  local number asking=()
  wait_until "the connections to nodes that were killed come back" is_measured workers_available = 3
  for number in 1 2 3; do
    quietly "running a text" "$jobs" run member-1 "text-$number"
    cat "$work/out" >>"$work/ran"
  done
  [ "$(cut -d' ' -f1 "$work/ran" | sort | tr '\n' ' ')" = "member-1 member-2 member-3 " ] ||
    fail "the texts did not go to all runners: $(cat "$work/ran")"
  kill -STOP "$(process_of member-3)"
  for number in 4 5 6; do
    "$jobs" run member-1 "text-$number" >"$work/run.$number" 2>&1 &
    asking+=($!)
  done
  wait_until "member-3 has a request" is_asked
  kill -9 "$(process_of member-3)"
  wait "${asking[@]}" || true # what they say is looked at below
  for number in 4 5 6; do
    grep -qx "member-[12] ran text-$number" "$work/run.$number" || fail "a text is lost: $(cat "$work/run.$number")"
  done
  wait_until "all texts are answered" is_measured answered_total = 6
  wait_until "a text was sent again" is_measured retries_total -ge 1
  wait_until "no text failed" is_measured failed_total = 0
  wait_until "the node that was killed is no worker" is_measured workers_available = 2
  quietly "asking member-1" "$jobs" node member-1 --json
  grep -q '"dispatchers":\[{[^]]*"retries":[1-9]' "$work/out" || fail "the node doesn't show what its dispatcher did:"
  quietly "starting member-3 again" "$jobs" up "$folder"
  wait_until "member-3 runs texts again" is_run_by member-3
}

for protocol in raft paxos two_phase_commit; do
  folder=$work/cluster-$protocol
  cp -R "$here/job_queue/cluster" "$folder"
  move_ports "$folder"
  be_patient "$folder/cluster.toml"
  sed -i "s/^plugin = \"raft\"/plugin = \"$protocol\"/" "$folder/cluster.toml"
  sed -i 's/^roles = .*/roles = ["jobs", "runner"]/' "$folder"/member-*.toml
  sed -i 's/"runner"]/"runner", "front"]/' "$folder/member-1.toml"
  cat "$here/runners/runners.toml" >>"$folder/cluster.toml"
  [ "$protocol" = raft ] || grep -q "^plugin = \"$protocol\"" "$folder/cluster.toml" || fail "the line was not changed"
  export JOBS_CLUSTER=$folder
  quietly "checking a node's file" "$work/build/jobsd" --config "$folder/member-1.toml" --check
  quietly "starting the job queue with $protocol" "$jobs" up "$folder"
  for number in $(seq 60); do
    quietly "adding a job" "$jobs" add "job-$number"
  done
  workers=()
  for worker in 1 2 3; do
    work_on "$worker" &
    workers+=($!)
  done
  # The process that is killed comes back, for two-phase commit waits for all.
  for victim in member-1 member-2; do
    kill -9 "$(process_of "$victim")"
    quietly "starting $victim again" "$jobs" up "$folder"
  done
  wait "${workers[@]}"
  wait_until "with $protocol all jobs are done" are_done
  sort "$work"/done."$protocol".* | uniq -d >"$work/out"
  [ ! -s "$work/out" ] || fail "with $protocol these jobs were done twice:"
  ! "$jobs" lease 1 >"$work/out" 2>&1 || fail "a job is left"
  grep -q 'no job waits' "$work/out" || fail "the reason is not told"
  [ "$protocol" != raft ] || fan_out
  administer
  quietly "stopping the job queue" "$jobs" down "$folder"
done
