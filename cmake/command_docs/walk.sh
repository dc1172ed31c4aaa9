#!/bin/sh
# Writes the manual page and the completions of a program, from what its --help and that of each of its subcommands
# print, so that neither can tell anything else.
#
# walk.sh PROGRAM VERSION SHARE
#   SHARE: the folder share/ to write below: man/man1/NAME.1, bash-completion/completions/NAME,
#   zsh/site-functions/_NAME
set -eu
export LC_ALL=C # columns are bytes, as CLI11 counts them
here=$(cd "$(dirname "$0")" && pwd)
folder=$(cd "$(dirname "$1")" && pwd)
name=$(basename "$1") version=$2 share=$3
export PATH="$folder:$PATH" # so that the usage names the program without its folder

# walk COMMAND…: the help text of the command and of those below it, each after a line '=== NAME COMMAND…'
walk() {
  printf '=== %s\n' "$(echo "$name" "$@")"
  help=$("$name" "$@" --help)
  printf '%s\n' "$help"
  for command in $(printf '%s\n' "$help" | awk '/^[^ ]/ { inside = /^Subcommands:$/ } inside && /^  [^ ]/ { print $1 }'); do
    walk "$@" "$command"
  done
}

# write FORMAT FILE
write() {
  mkdir -p "$(dirname "$share/$2")"
  printf '%s\n' "$tree" | awk -v name="$name" -v version="$version" -f "$here/parse.awk" -f "$here/$1.awk" >"$share/$2"
}

tree=$(walk)
write man "man/man1/$name.1"
write bash "bash-completion/completions/$name"
write zsh "zsh/site-functions/_$name"
