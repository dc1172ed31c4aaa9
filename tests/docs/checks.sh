# For scripts that test programs. Each sets `work`, a folder whose file `out` has the last output, and `test`, its
# name; and `logs`, if there are logs to show after a failure: a pattern of their names.

# fail TEXT: ends the test, and shows the last output
fail() {
  echo "$test: $1" >&2
  [ ! -f "$work/out" ] || cat "$work/out" >&2
  for log in ${logs:-}; do
    [ ! -f "$log" ] || { echo "-- $log"; tail -n 5 "$log"; } >&2
  done
  exit 1
}

# quietly STEP COMMAND…: shows the command's output only if it fails
quietly() {
  local step=$1
  shift
  "$@" >"$work/out" 2>&1 || fail "$step failed"
}

# expect TEXT: the last output holds the text
expect() {
  grep -qF -- "$1" "$work/out" || fail "expected '$1' in the output"
}

# expect_line TEXT: the text is a line of the last output
expect_line() {
  grep -qxF -- "$1" "$work/out" || fail "expected the line '$1' in the output"
}

# wait_until WHAT COMMAND…: until the command succeeds; fails with WHAT after two minutes, which is far too long
wait_until() {
  local what=$1 give_up=$((SECONDS + 120))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$give_up" ] || fail "this has not come true: $what"
  done
}
