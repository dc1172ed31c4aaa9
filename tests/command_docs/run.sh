#!/usr/bin/env bash
# Holds manual pages and completions to what the programs print: each subcommand and each option that any --help shows
# is in the page, and is completed by bash and by zsh where its subcommand is typed. Zsh and man are asked where they
# are installed.
#
# run.sh BUILD
#   BUILD: a build folder of Atoll in which the programs are built
set -euo pipefail
build=$1 share=$1/share
here=$(cd "$(dirname "$0")" && pwd)
export PATH="$build/bin:$PATH" LC_ALL=C.UTF-8
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
checked=0

fail() {
  echo "command_docs: $1" >&2
  exit 1
}

# in_bash WORD…: what bash offers for the last word
in_bash() {
  COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
  "_$1"
  printf '%s\n' "${COMPREPLY[@]}"
}
# in_zsh WORD…: what zsh offers, whatever the last word begins with; 'files' for files
in_zsh() {
  zsh -f "$here/offers.zsh" "$share/zsh/site-functions/_$1" "$@"
}
# offered WORD SHELL COMMAND_LINE_WORD…: fails unless the shell offers the word at the end of the line
offered() {
  local word=$1 shell=$2
  shift 2
  grep -qxFe "$word" <<<"$("in_$shell" "$@")" || fail "$shell doesn't complete '$*' to '$word'"
  checked=$((checked + 1))
}

shells=(bash)
if command -v zsh >/dev/null; then shells+=(zsh); fi

# check PROGRAM COMMAND…: looks at the help of a command and of all below it
check() {
  local help words shell word
  help=$("$@" --help)
  mapfile -t words < <(grep -oE '^  -[^ ]+' <<<"$help" | tr -d ' ' | tr , '\n')
  [ ${#words[@]} -gt 0 ] || fail "'$* --help' shows no options"
  for word in "${words[@]}"; do
    for shell in "${shells[@]}"; do offered "$word" "$shell" "$@" -; done
    grep -qF -e "'$word:" "$share/zsh/site-functions/_$1" || fail "zsh's completion doesn't know $word of $*"
    grep -qF -e "${word//-/\\-}" "$share/man/man1/$1.1" || fail "the manual page of $1 doesn't show $word of $*"
  done
  mapfile -t words < <(sed -n '/^Subcommands:$/,/^$/s/^  \([^ ][^ ]*\).*/\1/p' <<<"$help")
  for word in "${words[@]}"; do
    for shell in "${shells[@]}"; do offered "$word" "$shell" "$@" ''; done
    grep -qF "\"${*//-/\\-} ${word//-/\\-}\"" "$share/man/man1/$1.1" || fail "the manual page of $1 has no section on $* $word"
    check "$@" "$word"
  done
}

for program in atoll dfs dfsd; do
  # shellcheck disable=SC1090 # it is made by the build
  . "$share/bash-completion/completions/$program"
  check "$program"
  if command -v man >/dev/null; then
    MANWIDTH=80 man --warnings -l "$share/man/man1/$program.1" >"$work/page" 2>"$work/warnings"
    [ ! -s "$work/warnings" ] || fail "man finds fault with $program.1: $(cat "$work/warnings")"
    grep -q "^ *$program - [a-z]" "$work/page" || fail "the manual page of $program doesn't begin with what $program is"
  fi
done
[ "$checked" -gt 100 ] || fail "only $checked words were found in the programs' help"

# What follows an option that takes a value is a choice, or a file, and no subcommand.
for shell in "${shells[@]}"; do
  offered consensus "$shell" atoll plugin list --kind ''
  offered get "$shell" dfs -c status ''
done
[ -z "$(in_bash dfs -c '')" ] || fail "bash completes the cluster of dfs to something else than a file"
[ "${#shells[@]}" = 1 ] || [ "$(in_zsh dfs -c '')" = files ] || fail "zsh completes the cluster of dfs to no file"
[ -z "$(in_bash atoll verify '')" ] || fail "bash completes the plugin of atoll verify to something else than a file"
