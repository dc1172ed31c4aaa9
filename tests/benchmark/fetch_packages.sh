#!/bin/sh
# Unpacks programs to compare with from Debian's packages into a folder, unless the machine has them; prints nothing.
# When that fails, says why in one line on standard error. They aren't installed, for their packages start servers.
#
#   tests/benchmark/fetch_packages.sh NAME FOLDER 'PROGRAM…' 'PACKAGE…'
#     NAME: for messages
#     afterwards the programs are in FOLDER/usr/bin or FOLDER/usr/sbin, and their libraries in FOLDER/usr/lib
set -eu
name=$1
folder=$2
programs=$3
packages=$4

# have PATH: all programs are there
have() {
  for program in $programs; do
    PATH=$1 command -v "$program" >/dev/null || return 1
  done
}
have "$PATH" && exit 0
have "$folder/usr/bin:$folder/usr/sbin" && exit 0

fail() {
  echo "$name is not compared with: $1" >&2
  exit 1
}

download() {
  # shellcheck disable=SC2086 # a list of words
  apt-get -qq -o APT::Sandbox::User=root download $packages >download.log 2>&1
}

command -v apt-get >/dev/null || fail "there is no apt-get here; put $(echo "$programs" | sed 's/ / and /g') on the PATH"
mkdir -p "$folder"
cd "$folder"
rm -f ./*.deb
# A machine that was just set up may have no list of packages yet.
download || { [ "$(id -u)" != 0 ] || apt-get -qq update >update.log 2>&1; download; } ||
  fail "Debian's packages could not be fetched ($(tail -n 1 download.log))"
for package in ./*.deb; do
  dpkg -x "$package" . || fail "$package could not be unpacked"
done
