#!/bin/sh
# Runs what README.md, CONTRIBUTING.md and docs/ print: every block of commands, every block of
# configuration, and every make target they name. (What the guides WRITING_A_PLUGIN.md and
# WRITING_A_SERVICE.md print is run by tests/author.) Blocks that are marked as text are not run:
# they take long, or are an output.
#
# run.sh BUILD
#   BUILD: a build folder of Atoll in which everything is built
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
test=docs
. "$here/checks.sh"
. "$here/blocks.sh"
work=$(mktemp -d)
export PATH="$1/bin:$PATH"
cleanup() {
  for folder in "$work"/configs/*/ "$work/reef" "$work/operating/reef" "$work/tree/build/reef"; do
    dfs down "$folder" >"$work/down" 2>&1 || true
  done
  rm -rf "$work"
}
trap cleanup EXIT

# Every `make TARGET` that is printed exists.
for target in $(cat "$root"/*.md "$root"/docs/*.md | grep -oE '(`|^)make [a-z]+' | sed 's/.* //' | sort -u); do
  make -C "$root" -n "$target" >"$work/out" 2>&1 || fail "there is no 'make $target'"
done

# README.md: two commands, tested by being there; then clusters that are started, used, stopped.
cp -R "$root/configs" "$root/README.md" "$work/"
move_ports "$work/configs"
store_patiently "$work/configs/quickstart/cluster.toml"

# patiently: the commands, with clusters that `dfs init` makes as `store_patiently` says
patiently() {
  echo "set -e; . '$here/blocks.sh'"
  sed 's|^dfs init \([^ ]*\).*|&\nstore_patiently \1/cluster.toml|'
}

[ "$(blocks sh "$root/README.md")" = 3 ] || fail "README.md has blocks of commands that nothing runs"
for number in 2 3; do
  block sh "$number" "$root/README.md" | patiently >"$work/launch.sh"
  (cd "$work" && sh launch.sh) >"$work/out" 2>&1 || fail "block $number of commands in README.md failed"
  [ "$number" != 2 ] || grep -q 'On a Debian 12 machine' "$work/out" ||
    fail "'dfs cat' of README.md didn't print the file"
done

# CONTRIBUTING.md: its commands, in one shell at the root of a tree; and the tests that it quotes.
contributing=$root/CONTRIBUTING.md
mkdir -p "$work/tree/build" "$work/tree/tests"
ln -s "$1" "$work/tree/build/release"
cp -R "$root/tests/author" "$work/tree/tests/"
cp "$root/LICENSE" "$work/tree/"
{
  echo 'umask 022'
  number=1
  while [ "$number" -le "$(blocks sh "$contributing")" ]; do
    block sh "$number" "$contributing"
    number=$((number + 1))
  done
} | patiently >"$work/contributing.sh"
(cd "$work/tree" && sh ../contributing.sh) >"$work/out" 2>&1 || fail "the commands in CONTRIBUTING.md failed"
for shown in 'every promise that was tried is kept' 'placement  lowest_id 1.0.0' 'struct lowest_id : balancer'; do
  grep -qF "$shown" "$work/out" || fail "the commands in CONTRIBUTING.md don't show '$shown'"
done
number=1
for file in framework/core/quantity_test plugins/consensus/any_protocol_test cluster/swap_test; do
  { echo '…'; block cpp "$number" "$contributing"; echo '…'; } >"$work/shown"
  is_shown "$root/tests/$file.cpp" "$work/shown" ||
    fail "CONTRIBUTING.md quotes tests/$file.cpp otherwise than it is; quote it as it is now"
  number=$((number + 1))
done
[ "$(blocks cpp "$contributing")" = $((number - 1)) ] || fail "CONTRIBUTING.md quotes code that nothing compares"

# docs/PROVING.md: its commands in their order, beside the histories that it prints. The shrunk run that
# it shows is the one that they find, and what of its JSON it names is there.
proving=$root/docs/PROVING.md
mkdir "$work/proving"
block log 1 "$proving" >"$work/proving/history.log"
block clojure 1 "$proving" >"$work/proving/history.edn"
block jsonl 1 "$proving" >"$work/proving/history.jsonl"
number=1
while [ "$number" -le "$(blocks sh "$proving")" ]; do
  { echo 'set -e'; block sh "$number" "$proving"; } >"$work/proving.sh"
  (cd "$work/proving" && sh ../proving.sh) >"$work/out" 2>&1 ||
    fail "block $number of commands in PROVING.md failed"
  number=$((number + 1))
done
block text 1 "$proving" >"$work/shown"
sed -n '/^shrunk in/,/^  replay:/p' "$work/proving/shrunk.txt" >"$work/out"
is_shown "$work/out" "$work/shown" ||
  fail "the failing seed of PROVING.md shrinks to something else; if the protocol or the simulator has
changed, that is right, and the document has to show this instead, in its text and its JSON:"
for name in run window; do
  tail -1 "$work/proving/$name.svg" | grep -qx '</svg>' || fail "PROVING.md draws no $name.svg"
done
options='--option heartbeat=1m --option failure_timeout=10m --faults crashes'
# shellcheck disable=SC2086 # these are several words
atoll simulate two_phase_commit $options --seed 41 --shrink --json >"$work/proving/shrunk.json" || true
keys() {
  grep -oE '"[a-z_]+": ?' | tr -d ' ' | sort -u
}
number=1
for file in verified shrunk checked; do
  keys <"$work/proving/$file.json" >"$work/keys"
  block json "$number" "$proving" | keys | grep -vxFf "$work/keys" >"$work/out" &&
    fail "PROVING.md names keys that $file.json doesn't have:"
  [ "$file" = verified ] || { # that one shows a run of more seeds
    values <"$work/proving/$file.json" >"$work/keys"
    block json "$number" "$proving" | values | grep -vxFf "$work/keys" >"$work/out" &&
      fail "PROVING.md shows numbers that $file.json doesn't have:"
  }
  number=$((number + 1))
done

# docs/COMPARING.md: its commands; the formulas, the availability and the durability that it shows are those
# that they print, and its JSON names keys that they write.
comparing=$root/docs/COMPARING.md
mkdir "$work/comparing"
number=1
for name in steady availability durability; do
  { echo 'set -e'; block sh "$number" "$comparing"; } >"$work/comparing.sh"
  (cd "$work/comparing" && sh ../comparing.sh) >"$work/out" 2>&1 ||
    fail "block $number of commands in COMPARING.md failed"
  { echo '…'; block text "$number" "$comparing"; echo '…'; } >"$work/shown"
  echo '(end)' >>"$work/comparing/$name.txt"
  is_shown "$work/comparing/$name.txt" "$work/shown" ||
    fail "COMPARING.md shows another output than that of its block $number of commands"
  keys <"$work/comparing/$name.json" >"$work/keys"
  block json "$number" "$comparing" | keys | grep -vxFf "$work/keys" >"$work/out" &&
    fail "COMPARING.md names keys that $name.json doesn't have:"
  number=$((number + 1))
done
[ "$(blocks sh "$comparing")" = $((number - 1)) ] || fail "COMPARING.md has commands that nothing runs"
for name in steady durability; do
  tail -1 "$work/comparing/$name.svg" | grep -qx '</svg>' || fail "COMPARING.md draws no $name.svg"
done

# docs/OPERATING.md: a cluster whose masters are changed one by one. Each runs with the change in the end. And policies, the
# trash, jobs, checks, repairs, a scrub and a backup, on a cluster of their own.
operating=$root/docs/OPERATING.md
mkdir "$work/operating"
block sh 1 "$operating" | patiently >"$work/operating.sh"
(cd "$work/operating" && sh ../operating.sh) >"$work/out" 2>&1 || fail "the commands in OPERATING.md failed"
[ "$(grep -o '"heartbeat":70000' "$work/out" | wc -l)" = 4 ] || # three masters, and the plugins in force
  fail "the commands in OPERATING.md don't change the heartbeat of all masters"
{
  echo 'set -e; export DFS_CLUSTER=configs/quickstart; dfs up configs/quickstart; dfs put --parents README.md /README.md'
  number=2
  while [ "$number" -le "$(blocks sh "$operating")" ]; do
    block sh "$number" "$operating"
    number=$((number + 1))
  done
  echo 'dfs down configs/quickstart'
} >"$work/jobs.sh"
(cd "$work" && sh jobs.sh) >"$work/out" 2>&1 ||
  fail "the commands of OPERATING.md after the first block failed"
for shown in "$(cd "$work" && cksum <README.md)" "$(LC_ALL=C grep -nE 'storage nodes?' "$work/README.md" | tail -1)" 'master-1: sound: ' '1 entries removed for good' 'names.backup: the name space of quickstart at entry' 'all in order' '1 file: 1 chunk, all in order' 'nothing is left to do' 'nothing is being converted' 'storage-1: sound: '; do
  grep -qF "$shown" "$work/out" || fail "the commands in OPERATING.md don't print '$shown'"
done

# docs/FAULTS.md: each test that it names is there.
grep -oE '`[a-z_/]+_test\.cpp`: [^|]*' "$root/docs/FAULTS.md" | sed 's/ *$//' >"$work/named"
[ -s "$work/named" ] || fail "FAULTS.md names no tests"
while IFS= read -r named; do
  file=$(echo "$named" | sed 's/^`\([^`]*\)`.*/\1/')
  title=$(echo "$named" | sed 's/^[^:]*: //')
  [ -f "$root/tests/$file" ] || fail "FAULTS.md names tests/$file, which isn't there"
  tr '\n' ' ' <"$root/tests/$file" | sed 's/" *"//g' | grep -qF "$title" || # strings go on in the next line
    fail "tests/$file has no test '$title', as FAULTS.md says"
done <"$work/named"

# Every block of configuration is accepted, in place of the sections that it has in common with quickstart.
checked=0
for file in "$root"/*.md "$root"/docs/*.md; do
  case $file in */WRITING_A_*.md) continue ;; esac
  count=$(blocks toml "$file")
  number=1
  while [ "$number" -le "$count" ]; do
    rm -rf "$work/configs/changed"
    cp -R "$work/configs/quickstart" "$work/configs/changed"
    with_section "$work/configs/changed/cluster.toml" "$(block toml "$number" "$file")"
    dfsd --config "$work/configs/changed/master-1.toml" --check >"$work/out" 2>&1 ||
      fail "block $number of configuration in $(basename "$file") is refused"
    checked=$((checked + 1))
    number=$((number + 1))
  done
done
[ "$checked" -gt 0 ] || fail "no block of configuration was found"

# Every file and folder that is linked exists.
broken_links "$root"/*.md "$root"/docs/*.md "$root"/docs/adr/*.md "$root"/plugins/*/*/README.md >"$work/out"
[ ! -s "$work/out" ] || fail "documents link to what isn't there:"
