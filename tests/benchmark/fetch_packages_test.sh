#!/bin/sh
# Checks that the benchmarks run without etcd and HAProxy when their packages can't be fetched, and print the reason in
# a line for each. A build folder of scripts stands in for the benchmarks, and a script for apt-get.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
touch "$work/out" "$work/err"

fail() {
  echo "fetch_packages: $1" >&2
  cat "$work/out" "$work/err" >&2
  exit 1
}

# Only these programs are on the PATH: the machine may have the programs. The links are in a folder of their own, in which
# nothing is written afterwards: a write to a link would replace the machine's program.
mkdir -p "$work/links" "$work/path" "$work/build/tests" "$work/build/bin"
for tool in awk basename bash cat date dirname grep id chmod cmp mkdir mktemp mv realpath rm sed seq sh sort tail; do
  program=$(command -v "$tool") && ln -s "$program" "$work/links/$tool"
done

script() {
  rm -f "$1"
  printf '#!/bin/sh\n%s\n' "$2" >"$1"
  chmod +x "$1"
}
# shellcheck disable=SC2016
for name in balancers codes control dispatcher frozen keeper names repair schemes tail consensus start job cluster; do
  script "$work/build/tests/bench_$name" 'while [ "$1" != --json ]; do shift; done; echo "{}" >"$2"'
done
script "$work/build/bin/atoll" 'exit 0'

# run NAME ETCD HAPROXY: the benchmarks succeed, and print these reasons and nothing else on standard error
run() {
  PATH=$work/path:$work/links XDG_CACHE_HOME=$work/cache "$here/run.sh" "$work/build" 1 >"$work/out" 2>"$work/err" ||
    fail "$1: the benchmarks failed"
  printf '%s is not compared with: %s\n' etcd "$2" haproxy "$3" | cmp -s - "$work/err" ||
    fail "$1: standard error is not '$2' and '$3'"
  grep -q '^== bench_cluster$' "$work/out" || fail "$1: the last benchmark was not run"
}

run 'no apt-get' 'there is no apt-get here; put etcd and etcdctl on the PATH' \
  'there is no apt-get here; put haproxy on the PATH'

script "$work/path/apt-get" 'echo "Reading lists"; echo "E: Unable to locate package"; exit 100'
reason="Debian's packages could not be fetched (E: Unable to locate package)"
run 'no package' "$reason" "$reason"

script "$work/path/apt-get" 'case "$*" in *download*) echo "not a package" >some.deb ;; esac'
script "$work/path/dpkg" 'exit 2'
run 'a damaged package' './some.deb could not be unpacked' './some.deb could not be unpacked'

# shellcheck disable=SC2016
script "$work/path/dpkg" 'mkdir -p usr/bin && for program in etcd etcdctl haproxy; do
  echo "exit 0" >usr/bin/$program && chmod +x usr/bin/$program; done'
PATH=$work/path:$work/links "$here/fetch_packages.sh" haproxy "$work/good" haproxy haproxy >"$work/out" 2>"$work/err" ||
  fail 'a good package: not unpacked'
rm "$work/path/apt-get"
PATH=$work/path:$work/links "$here/fetch_packages.sh" haproxy "$work/good" haproxy haproxy >"$work/out" 2>"$work/err" ||
  fail 'a good package: fetched again'
[ -z "$(cat "$work/out" "$work/err")" ] || fail 'a good package: something was printed'
