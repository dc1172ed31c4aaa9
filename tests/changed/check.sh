#!/usr/bin/env bash
# What a developer runs before each commit: the tests `tidy` and `format`, and the tests of what differs from a commit.
# The sweeps of the protocols take a fifth of their seeds, unless ATOLL_SIM_SEEDS says otherwise.
#
#   tests/changed/check.sh BUILD_FOLDER [COMMIT]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(realpath "$1")
base=${2:-HEAD}
root=$(realpath "$here/../..")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# affected: the tests that the changed files affect, as far as the build knows by now
affected() {
  ninja -C "$build" -t deps >"$work/deps"
  find "$build" -name CTestTestfile.cmake >"$work/testfiles"
  xargs awk -v root="$root" -v build="$build" -f "$here/affected.awk" kind=changed "$work/changed" \
    kind=deps "$work/deps" kind=edges "$build/build.ninja" kind=tests <"$work/testfiles" >"$work/affected"
}

# run_tests PATTERN: those tests; only the summary, and the output of what fails
run_tests() {
  ctest --test-dir "$build" -j "$(nproc)" --output-on-failure -R "^($1)\$"
}

"$here/files.sh" "$base" >"$work/changed"
cmake --build "$build" --target test_tidy # runs CMake first, if a CMakeLists.txt changed
run_tests 'tidy|format'

affected
awk '$1 == "run" { for (i = 3; i <= NF; ++i) print $i }' "$work/affected" | sort -u >"$work/outputs"
if [ -s "$work/outputs" ]; then
  xargs cmake --build "$build" --target <"$work/outputs"
  affected # what was compiled for the first time is known to include less than was assumed
fi
tests=$(awk '$1 == "run" && $2 != "tidy" && $2 != "format" { print $2 }' "$work/affected" | paste -sd '|')
if [ -n "$tests" ]; then
  ATOLL_SIM_SEEDS=${ATOLL_SIM_SEEDS:-0.2} run_tests "$tests"
else
  echo "no test, but for tidy and format, depends on what changed since $base"
fi
awk '$1 == "skip" { print $2 }' "$work/affected" >"$work/skipped"
count=$(wc -l <"$work/skipped")
if [ "$count" -gt 5 ]; then
  echo "not run: $count tests that start clusters or use the whole build; before you send the change: make test"
elif [ "$count" -gt 0 ]; then
  echo "not run, for they start clusters or use the whole build; before you send the change:"
  echo "  make test t='^($(paste -sd '|' "$work/skipped"))\$'"
fi
