#!/bin/sh
# Lives through what the author of a plugin does: installs Atoll, builds a plugin against the
# installation alone, looks at it, installs it too, and finds it again.
#
# run.sh BUILD CMAKE GENERATOR COMPILER
#   BUILD: a build folder of Atoll in which everything is built
set -eu
umask 022
build=$1 cmake=$2 generator=$3 compiler=$4
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix

fail() {
  echo "author_plugin: $1" >&2
  [ ! -f "$work/out" ] || cat "$work/out" >&2
  exit 1
}
# quietly WHAT COMMAND…: shows the command's output only if it fails
quietly() {
  what=$1
  shift
  "$@" >"$work/out" 2>&1 || fail "$what failed"
}
# expect TEXT: a line of the last output is, or holds, the text
expect() {
  grep -qF -- "$1" "$work/out" || fail "expected '$1' in the output"
}

quietly "installing Atoll" "$cmake" --install "$build" --prefix "$prefix"
[ -f "$prefix/include/atoll/spi/balancer.hpp" ] || fail "the interface's headers are not installed"
[ ! -e "$prefix/include/atoll/core" ] || fail "headers are installed that no plugin may use"

# A copy, so that nothing of this tree is near.
cp -R "$here/lowest_id" "$work/source"
quietly "configuring the plugin" "$cmake" -S "$work/source" -B "$work/build" -G "$generator" \
  -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_BUILD_TYPE=Release
quietly "building the plugin" "$cmake" --build "$work/build"

atoll=$prefix/bin/atoll
quietly "showing the plugin" "$atoll" plugin show lowest_id --path "$work/build"
expect "lowest_id 1.0.0, a balancer plugin"
expect "Always the healthy candidate with the lowest id"
expect "$work/build/lowest_id.so"

if "$atoll" plugin show lowest_id >"$work/out" 2>&1; then
  fail "a plugin that is not installed was found"
fi
expect "there is no plugin 'lowest_id' in "

quietly "installing the plugin" "$cmake" --install "$work/build" --prefix "$prefix"
quietly "listing the installed plugins" "$atoll" plugin list --kind balancer
expect "lowest_id"
quietly "showing the installed plugin" "$atoll" plugin show lowest_id
