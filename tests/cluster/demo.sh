#!/usr/bin/env bash
# The demonstration: a real cluster of processes stores files and gives them back, also after one of
# its storage nodes was killed, and mends what was damaged on a disk. Exits 0 only if all of it was so.
#
#   tests/cluster/demo.sh BUILD_FOLDER
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$(realpath "$1")
export PATH="$build/bin:$PATH"

work=$(mktemp -d "$build/demo.XXXXXX")
cluster=$work/three-masters
mkdir "$cluster"
cp configs/three-masters/*.toml "$cluster"
export DFS_CLUSTER=$cluster

finish() {
  local code=$?
  dfs down "$cluster" >/dev/null 2>&1 || true
  if [ $code = 0 ]; then
    rm -rf "$work"
  else
    echo "demo: FAILED; the nodes' logs are in $cluster/run" >&2
  fi
}
trap finish EXIT

step() { printf '\n== %s\n' "$*"; }

compare_all() {
  rm -rf "$work/back" && mkdir "$work/back"
  dfs get -r /source "$work/back/source"
  diff -r "$work/source" "$work/back/source"
  dfs get /random.bin "$work/back/random.bin"
  cmp "$work/random.bin" "$work/back/random.bin"
  echo "all $(find "$work/back" -type f | wc -l) files came back equal"
}

step "start $(ls "$cluster"/*-*.toml | wc -l) nodes: three masters, three storage nodes"
dfs up "$cluster"

step "store this source tree, and 256 MiB of random bytes"
mkdir "$work/source"
git ls-files -z 2>/dev/null | xargs -0 -r cp --parents -t "$work/source" ||
  cp -r CMakeLists.txt README.md framework plugins apps configs tests "$work/source"
head -c $((256 << 20)) /dev/urandom >"$work/random.bin"
time dfs put -r "$work/source" /source
time dfs put "$work/random.bin" /random.bin

step "list"
dfs ls -l /
dfs ls /source | head -n 20

step "status: healthy, with exit code 0"
until dfs status >"$work/status" 2>&1; do sleep 0.2; done
cat "$work/status"

step "read everything back, and compare"
time compare_all

victim=storage-2
step "kill -9 $victim"
kill -9 "$(cat "$cluster/run/$victim.pid")"

step "read everything again, and compare"
time compare_all

step "status: degraded, with exit code 8"
code=0
until dfs status >"$work/status" 2>&1 || code=$?; [ $code = 8 ] &&
  grep -q "chunks short of copies, $victim is down" "$work/status"; do sleep 0.2; done
cat "$work/status"

step "start $victim again, with a byte that has changed on its disk, and let all nodes read what they have"
damaged=$(find "$cluster" -path "*$victim*/chunks/*" -type f -size +1M | sort | head -n 1)
printf '\377' | dd of="$damaged" bs=1 seek=1000 conv=notrunc status=none
dfs up "$cluster"
until dfs status >"$work/status" 2>&1 || true; grep -Eq "^ *$victim +storage +up " "$work/status"; do sleep 0.2; done
code=0
dfs scrub --now || code=$?
[ $code = 1 ] || { echo "demo: the scrub found nothing" >&2; exit 1; }

step "what was damaged is made anew: dfs check --repair"
dfs check --repair
until [ -f "$damaged" ]; do sleep 0.2; done
dfs scrub --now

step "stop"
dfs down "$cluster"
echo
echo "demo: all of it worked"
