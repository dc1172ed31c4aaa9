#!/bin/sh
# Checks that the benchmarks run without etcd when its packages can't be fetched, and print the reason in one line. A
# build folder of scripts stands in for the benchmarks, and a script for apt-get.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
touch "$work/out" "$work/err"

fail() {
  echo "fetch_etcd: $1" >&2
  cat "$work/out" "$work/err" >&2
  exit 1
}

# Only these programs are on the PATH: the machine may have etcd. The links are in a folder of their own, in which
# nothing is written afterwards: a write to a link would replace the machine's program.
mkdir -p "$work/links" "$work/path" "$work/build/tests" "$work/build/bin"
for tool in awk basename bash cat date dirname grep id mkdir mktemp mv realpath rm sed seq sh sort tail; do
  program=$(command -v "$tool") && ln -s "$program" "$work/links/$tool"
done

script() {
  rm -f "$1"
  printf '#!/bin/sh\n%s\n' "$2" >"$1"
  chmod +x "$1"
}
# shellcheck disable=SC2016
for name in balancers control dispatcher consensus start cluster; do
  script "$work/build/tests/bench_$name" 'while [ "$1" != --json ]; do shift; done; echo "{}" >"$2"'
done
script "$work/build/bin/atoll" 'exit 0'

# run NAME LINE: the benchmarks succeed, and LINE is all that they print on standard error
run() {
  PATH=$work/path:$work/links XDG_CACHE_HOME=$work/cache "$here/run.sh" "$work/build" 1 >"$work/out" 2>"$work/err" ||
    fail "$1: the benchmarks failed"
  [ "$(cat "$work/err")" = "$2" ] || fail "$1: standard error is not '$2'"
  grep -q '^== bench_cluster$' "$work/out" || fail "$1: the last benchmark was not run"
}

run 'no apt-get' 'etcd is not compared with: there is no apt-get here; put etcd and etcdctl on the PATH'

script "$work/path/apt-get" 'echo "Reading lists"; echo "E: Unable to locate package etcd-server"; exit 100'
run 'no package' \
  "etcd is not compared with: Debian's packages could not be fetched (E: Unable to locate package etcd-server)"

script "$work/path/apt-get" 'case "$*" in *download*) echo "not a package" >etcd-server.deb ;; esac'
script "$work/path/dpkg" 'exit 2'
run 'a damaged package' 'etcd is not compared with: ./etcd-server.deb could not be unpacked'
