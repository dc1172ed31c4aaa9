#!/bin/sh
# Unpacks the programs of etcd from Debian's packages into a folder, unless the machine has them; prints nothing. When
# that fails, says why in one line on standard error. They aren't installed, for the package starts a server.
#
#   tests/benchmark/fetch_etcd.sh FOLDER    afterwards the programs are in FOLDER/usr/bin
set -eu
folder=$1
command -v etcd >/dev/null && command -v etcdctl >/dev/null && exit 0
[ -x "$folder/usr/bin/etcd" ] && [ -x "$folder/usr/bin/etcdctl" ] && exit 0

fail() {
  echo "etcd is not compared with: $1" >&2
  exit 1
}

download() {
  apt-get -qq -o APT::Sandbox::User=root download etcd-server etcd-client >download.log 2>&1
}

command -v apt-get >/dev/null || fail "there is no apt-get here; put etcd and etcdctl on the PATH"
mkdir -p "$folder"
cd "$folder"
rm -f ./*.deb
# A machine that was just set up may have no list of packages yet.
download || { [ "$(id -u)" != 0 ] || apt-get -qq update >update.log 2>&1; download; } ||
  fail "Debian's packages could not be fetched ($(tail -n 1 download.log))"
for package in ./*.deb; do
  dpkg -x "$package" . || fail "$package could not be unpacked"
done
