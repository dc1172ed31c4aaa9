#!/bin/sh
# Lives through what docs/WRITING_A_PLUGIN.md says to the author of a plugin: installs Atoll, builds
# the plugins that the guide prints against the installation alone, looks at them, installs them too,
# and runs the installed cluster, which places files with one of them.
#
# run.sh BUILD CMAKE GENERATOR COMPILER
#   BUILD: a build folder of Atoll in which everything is built
set -eu
umask 022
build=$1 cmake=$2 generator=$3 compiler=$4
here=$(cd "$(dirname "$0")" && pwd)
guide=$here/../../docs/WRITING_A_PLUGIN.md
work=$(mktemp -d)
prefix=$work/prefix
test=author_plugin
. "$here/../docs/checks.sh"
. "$here/../docs/blocks.sh"
cluster=$prefix/share/atoll/configs/quickstart
trap '"$prefix/bin/dfs" down "$cluster" >"$work/down" 2>&1 || true; rm -rf "$work"' EXIT

quietly "installing Atoll" "$cmake" --install "$build" --prefix "$prefix"
[ -f "$prefix/include/atoll/spi/balancer.hpp" ] || fail "the interface's headers are not installed"
documents=$prefix/share/doc/atoll
broken_links "$documents"/*.md "$documents"/docs/*.md "$documents"/docs/adr/*.md >"$work/out"
[ ! -s "$work/out" ] || fail "installed documents link to what isn't installed:"

# What the guide prints is the project beside this script, word for word.
mkdir "$work/source"
block cpp 1 "$guide" >"$work/source/lowest_id.cpp"
block cmake 1 "$guide" >"$work/source/CMakeLists.txt"
for file in lowest_id.cpp CMakeLists.txt; do
  quietly "comparing $file of the guide" diff "$here/lowest_id/$file" "$work/source/$file"
done
block cpp 2 "$guide" >"$work/source/first_few.cpp"
echo 'atoll_add_plugin(first_few KIND balancer SOURCES first_few.cpp)' >>"$work/source/CMakeLists.txt"

export CMAKE_GENERATOR="$generator" CXX="$compiler"

# A kind that does not exist is refused with the kinds of the installed headers.
mkdir "$work/wrong"
sed 's/KIND balancer/KIND balance/' "$work/source/CMakeLists.txt" >"$work/wrong/CMakeLists.txt"
if "$cmake" -S "$work/wrong" -B "$work/wrong/build" -DCMAKE_PREFIX_PATH="$prefix" >"$work/out" 2>&1; then
  fail "a plugin of an unknown kind was configured"
fi
expect "KIND is one of balancer, consensus, recovery"

# installed N FILE: the N-th block of commands of the guide, for this installation, as a script
installed() {
  printf 'set -e\n%s\n' "$(block sh "$1" "$guide" | sed "s|/where/atoll/is/installed|$prefix|; s|^cmake |'$cmake' |")" >"$2"
}

installed 1 "$work/new.sh"
quietly "making, building and testing a new plugin" sh -c 'cd "$1" && PATH="$2/bin:$PATH" sh "$3"' - "$work" "$prefix" "$work/new.sh"
expect "100% tests passed, 0 tests failed out of 2"
for file in CMakeLists.txt README.md; do
  [ -f "$work/my_balancer/$file" ] || fail "the new project has no $file"
done

installed 2 "$work/build.sh"
quietly "building the plugins as the guide says" sh -c 'cd "$1" && sh "$2"' - "$work/source" "$work/build.sh"

atoll=$prefix/bin/atoll
quietly "showing the plugin" "$atoll" plugin show lowest_id --path "$work/source/build"
expect "lowest_id 1.0.0, a balancer plugin"
expect "Always the available member with the lowest id"
expect "$work/source/build/lowest_id.so"

for name in lowest_id first_few; do
  quietly "verifying $name" "$atoll" verify "$name" --path "$work/source/build" --seeds 20
  expect "every promise that was tried is kept"
done

if "$atoll" plugin show lowest_id >"$work/out" 2>&1; then
  fail "a plugin that is not installed was found"
fi
expect "there is no plugin 'lowest_id' in "

quietly "installing the plugins" "$cmake" --install "$work/source/build" --prefix "$prefix"
quietly "listing the installed plugins" "$atoll" plugin list --kind balancer
expect "lowest_id"
quietly "showing the installed plugin" "$atoll" plugin show lowest_id
quietly "showing the options of the other" "$atoll" plugin show first_few
expect "How many members are in the draw"

# The installed cluster to begin with, which names them, in the guide's own lines.
move_ports "$cluster"
store_patiently "$cluster/cluster.toml"
with_section "$cluster/cluster.toml" "$(block toml 2 "$guide")"
quietly "checking a file that names first_few" "$prefix/bin/dfsd" --config "$cluster/master-1.toml" --check
expect "first_few"
with_section "$cluster/cluster.toml" "$(block toml 1 "$guide" | sed '1,/^$/d')"
sed -i 's/copies = 3/copies = 1/' "$cluster/cluster.toml"
quietly "starting a cluster that places files with lowest_id" "$prefix/bin/dfs" up "$cluster"
head -c 30000000 /dev/urandom >"$work/data"
quietly "storing a file" "$prefix/bin/dfs" -c "$cluster" put "$work/data" /data
quietly "reading it" "$prefix/bin/dfs" -c "$cluster" get /data "$work/again"
quietly "comparing it" cmp "$work/data" "$work/again"
quietly "asking for the status" "$prefix/bin/dfs" -c "$cluster" status
expect "placement  lowest_id 1.0.0"
expect "0 chunks"
quietly "stopping the cluster" "$prefix/bin/dfs" down "$cluster"
