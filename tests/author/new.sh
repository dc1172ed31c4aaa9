#!/bin/sh
# Makes a project with the installed `atoll new`, runs the commands that its README prints, which build it without a
# warning, run its test and verify it, then installs the plugin and has a node accept the project's lines of TOML.
#
# new.sh BUILD CMAKE GENERATOR COMPILER KIND NAME
#   BUILD: a build folder of Atoll in which everything is built
set -eu
umask 022
build=$1 cmake=$2 generator=$3 compiler=$4 kind=$5 name=$6
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix
test="author_new_$kind"
. "$here/../docs/checks.sh"
. "$here/../docs/blocks.sh"
export CMAKE_GENERATOR="$generator" CXX="$compiler" CXXFLAGS=-Werror PATH="$prefix/bin:$PATH"

quietly "installing Atoll" "$cmake" --install "$build" --prefix "$prefix"
cd "$work"
quietly "making the project" atoll new "$kind" "$name"
expect "cmake -S $name -B $name/build -DCMAKE_PREFIX_PATH=$prefix"
! grep -rnE '@[A-Z]+@' "$name" >"$work/out" || fail "a placeholder is left in the project"

printf 'set -e\n%s\n' "$(block sh 1 "$name/README.md" |
  sed "s|/where/atoll/is/installed|$prefix|; s|^cmake |'$cmake' |; s|^atoll verify .*|& --seeds 20|")" >"$work/readme.sh"
quietly "running the commands of README.md" sh -c 'cd "$1" && sh "$2"' - "$name" "$work/readme.sh"
expect "every promise that was tried is kept"
expect "100% tests passed, 0 tests failed out of 2"

# Its own test finds a plugin that no longer does what the test says.
sed -i 's/^int main() {/&\n  expect(false, "a sentence that is not so");/' "$name/${name}_test.cpp"
quietly "building the changed test" "$cmake" --build "$name/build"
! (cd "$name/build" && ./plugin_test) >"$work/out" 2>&1 || fail "a test with an unmet expectation passes"
expect "failed: a sentence that is not so"

quietly "installing the plugin" "$cmake" --install "$name/build" --prefix "$prefix"
cp -R "$prefix/share/atoll/configs/quickstart" "$work/cluster"
with_section "$work/cluster/cluster.toml" "$(grep -v '^#' "$name/$name.toml")"
quietly "checking the lines of $name.toml" dfsd --config "$work/cluster/master-1.toml" --check
expect "$name"
