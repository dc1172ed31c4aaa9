#!/bin/sh
# Installs Atoll under DESTDIR, moves the installation elsewhere, and uses it as the author of a service does: links each
# library that find_package(Atoll) gives in a project outside this tree, and runs the programs, which find their plugins.
#
# libraries.sh BUILD CMAKE GENERATOR COMPILER [SANITIZERS]
#   BUILD: a build folder of Atoll in which everything is built
#   SANITIZERS: those that it is built with, which its consumers then need as well
set -eu
umask 022
build=$1 cmake=$2 generator=$3 compiler=$4
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/moved
test=author_libraries
. "$here/../docs/checks.sh"
export CMAKE_GENERATOR="$generator" CXX="$compiler" CXXFLAGS="${5:+-fsanitize=$5}"

# configure NAME COMMAND_LINE_OPTION…: configures the project beside this script
configure() {
  name=$1
  shift
  "$cmake" -S "$here/libraries" -B "$work/$name" -DCMAKE_PREFIX_PATH="$prefix" "$@" >"$work/out" 2>&1
}

DESTDIR="$work/stage" "$cmake" --install "$build" --prefix /opt/atoll >"$work/out" 2>&1 || fail "installing failed"
mv "$work/stage/opt/atoll" "$prefix"

# The public headers are there, all of them and no others.
(cd "$here/../../framework/include" && find . -name '*.hpp' | sort) >"$work/public"
(cd "$prefix/include" && find . -type f | sort) >"$work/installed"
diff "$work/public" "$work/installed" >"$work/out" || fail "the installed headers are not the public ones:"

# No installed CMake file names a folder of the machine that it was built on.
! grep -rlF -e "$build" -e "$here" "$prefix/lib" --include='*.cmake' >"$work/out" ||
  fail "installed CMake files name the folder of the build:"

configure all || fail "finding Atoll failed"
for library in spi core keep net runtime node sim verify compare; do
  expect "with Atoll::$library"
done
"$cmake" --build "$work/all" >"$work/out" 2>&1 || fail "linking the libraries failed"
for program in "$work"/all/links_*; do
  "$program" || fail "$program does not run"
done

# A program finds the plugins of the Atoll that it was linked with, until it is installed beside others.
"$work/all/shows_plugins" >"$work/out"
grep -qxF "$prefix/lib/atoll/plugins" "$work/out" || fail "a program in its build folder finds no plugins, but looks in"
mkdir -p "$work/own/bin" "$work/own/lib/atoll/plugins"
cp "$work/all/shows_plugins" "$work/own/bin"
"$work/own/bin/shows_plugins" >"$work/out"
grep -qxF "$work/own/lib/atoll/plugins" "$work/out" || fail "a program doesn't find the plugins beside it, but looks in"

# A component that is demanded and can't be had is an error that says why. Without it the others are there.
! configure missing -DCOMPONENTS=net -DCMAKE_DISABLE_FIND_PACKAGE_RocksDB=ON || fail "Atoll::net was found without RocksDB"
expect "Atoll::net needs what is not found: Atoll::core (not found: RocksDB)"
! configure unknown -DCOMPONENTS=nett || fail "a library that does not exist was found"
expect "there is no Atoll::nett; there are spi, core, net"
configure partly -DCMAKE_DISABLE_FIND_PACKAGE_RocksDB=ON || fail "the plugin interface was not found without RocksDB"
expect "with Atoll::spi"
expect "without Atoll::core: not found: RocksDB"

# Programs find their plugins relative to themselves, also through a link.
ln -s "$prefix/bin/atoll" "$work/atoll"
"$work/atoll" plugin list >"$work/out" 2>&1 || fail "listing the plugins failed"
expect "raft"
! grep -qi refused "$work/out" || fail "an installed plugin is refused"
