#!/bin/sh
# Makes a project with the installed `atoll new service`, runs the commands that the guide and the project's README print,
# which build it without a warning, run its test, and start, use and stop a cluster of three nodes. Two nodes are killed,
# one after the other.
#
# new_service.sh BUILD CMAKE GENERATOR COMPILER NAME
#   BUILD: a build folder of Atoll in which everything is built
set -eu
umask 022
build=$1 cmake=$2 generator=$3 compiler=$4 name=$5
here=$(cd "$(dirname "$0")" && pwd)
guide=$here/../../docs/WRITING_A_SERVICE.md
work=$(mktemp -d)
prefix=$work/prefix
project=$work/$name
program=$project/build/bin/$name
test=author_new_service
logs="$project/cluster/run/*.log"
. "$here/../docs/checks.sh"
. "$here/../docs/blocks.sh"
export CMAKE_GENERATOR="$generator" CXX="$compiler" CXXFLAGS=-Werror PATH="$prefix/bin:$PATH"
trap '"$program" down "$project/cluster" >"$work/down" 2>&1 || true; rm -rf "$work"' EXIT

# run_block WHAT N FILE FOLDER: runs the N-th block of commands of a document in a folder
run_block() {
  { echo 'set -e'; block sh "$2" "$3" | sed "s|/where/atoll/is/installed|$prefix|; s|^cmake |'$cmake' |"; } >"$work/block.sh"
  quietly "$1" sh -c 'cd "$1" && sh "$2"' - "$4" "$work/block.sh"
}

quietly "installing Atoll" "$cmake" --install "$build" --prefix "$prefix"
sed "s/my_service/$name/g" "$guide" >"$work/guide.md"
[ "$(blocks sh "$guide")" = 1 ] || fail "WRITING_A_SERVICE.md has blocks of commands that nothing runs"
run_block "making, building and testing the service as the guide says" 1 "$work/guide.md" "$work"
grep -qF '100% tests passed, 0 tests failed out of 4' "$work/out" || fail "the project's test did not run"
! grep -rnE '@[A-Z]+@' "$project" --include='*.*' --exclude-dir=build >"$work/out" || fail "a placeholder is left in the project"

readme=$project/README.md
[ "$(blocks sh "$readme")" = 4 ] || fail "the README has blocks of commands that nothing runs"
run_block "building as the README says" 1 "$readme" "$project"
move_ports "$project/cluster"
be_patient "$project/cluster/cluster.toml"
quietly "checking a node's file" "${program}d" --config "$project/cluster/member-1.toml" --check
run_block "starting and using the service as the README says" 2 "$readme" "$project"
expect_line "apples 3"
expect_line "pears 1"
expect_line "4"

# The others go on without a node, and it comes back.
cd "$project"
for victim in member-1 member-2; do
  kill -9 "$(cat "cluster/run/$victim.pid")"
  quietly "adding without $victim" "$program" add apples 10
  quietly "starting $victim again" "$program" up cluster
done
quietly "removing a counter" "$program" remove pears
expect_line 1
! "$program" remove pears >"$work/out" 2>&1 || fail "a counter is removed twice"
expect_line "$name: there is no counter 'pears'"
quietly "reading the total" "$program" total
expect_line 23
run_block "seeing the members, and letting another one lead, as the README says" 3 "$readme" "$project"
expect_line "member-2 leads"
run_block "stopping as the README says" 4 "$readme" "$project"

# Its test finds a logic that breaks the invariant.
sed -i '/state.erase(row);/d' counters.cpp
quietly "building the changed test" "$cmake" --build build --target counters_test
! build/counters_test >"$work/out" 2>&1 || fail "a test of a broken logic passes"
grep -q '^seed .*the total is' "$work/out" || fail "the test doesn't say what is wrong"
! build/counters_test paxos >"$work/out" 2>&1 || fail "a simulation of a broken logic passes"
grep -q '^seed .*the total is' "$work/out" || fail "the simulation doesn't say what is wrong"
grep -q '^  replay: build/counters_test paxos --seed ' "$work/out" || fail "the simulation doesn't say how to repeat it"
