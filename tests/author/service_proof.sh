#!/bin/sh
# Builds the proof of the job queue, which docs/WRITING_A_SERVICE.md quotes, against an installation alone, and runs it
# with each of the three protocols. Then the job queue gets mistakes: the proof finds each, and the command that it prints
# finds it again.
#
# service_proof.sh BUILD CMAKE GENERATOR COMPILER
#   BUILD: a build folder of Atoll in which everything is built
set -eu
umask 022
build=$1 cmake=$2 generator=$3 compiler=$4
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
prefix=$work/prefix
test=author_service_proof
. "$here/../docs/checks.sh"
export CMAKE_GENERATOR="$generator" CXX="$compiler" CXXFLAGS="-Wall -Wextra -Werror"
trap 'rm -rf "$work"' EXIT

quietly "installing Atoll" "$cmake" --install "$build" --prefix "$prefix"
cp -R "$here/job_queue" "$here/job_queue_proof" "$work/"
quietly "configuring the proof" "$cmake" -S "$work/job_queue_proof" -B "$work/build" -DCMAKE_PREFIX_PATH="$prefix" \
  -DCMAKE_BUILD_TYPE=Release
quietly "building the proof" "$cmake" --build "$work/build"
quietly "proving the job queue" "$cmake" -E chdir "$work/build" ctest --output-on-failure
expect '100% tests passed, 0 tests failed out of 3'
! "$work/build/prove_jobs" round_robin >"$work/out" 2>&1 || fail "a balancer is taken for a protocol"
expect round_robin

# finds WHAT SED: a mistake, and what its findings say
finds() {
  cp "$here/job_queue/job_queue.cpp" "$work/job_queue/job_queue.cpp"
  sed -i "$2" "$work/job_queue/job_queue.cpp"
  ! cmp -s "$here/job_queue/job_queue.cpp" "$work/job_queue/job_queue.cpp" || fail "nothing was changed by $2"
  quietly "building the changed job queue" "$cmake" --build "$work/build"
  status=0
  "$work/build/prove_jobs" raft --seeds 40 >"$work/out" 2>&1 || status=$?
  [ "$status" = 1 ] || fail "a proof with a mistake ends with $status"
  grep -q "^seed .*$1" "$work/out" || fail "the finding doesn't say '$1'"
  grep "$1" "$work/out" | sed -n '1s/^seed [0-9]*: //p' >"$work/reason"
  grep -A 9 "$1" "$work/out" | sed -n 's/^  replay: //p' | sed -n 1p >"$work/replay.sh"
  ! sh "$work/replay.sh" >"$work/out" 2>&1 || fail "the printed command finds nothing"
  expect "$(cat "$work/reason")"
}
# Ids that a process counts, and a clock that each replica reads.
finds 'answers entry' 's/auto id = state.index();.*/static std::uint64_t jobs = 0; auto id = ++jobs;/'
finds 'other rows' '1i #include <ctime>
s/auto until = state.time_us()/auto until = static_cast<std::uint64_t>(clock()) + state.time_us()/'
# A job whose lease hasn't expired is leased again, and one that is done stays leased.
finds 'is leased to two workers' 's/jobs.empty() || jobs.*time_us()))/jobs.empty())/'
finds 'wait, are leased or done' '/state.erase(key("leased", until, id));/d'
