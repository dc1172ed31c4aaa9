# For scripts that run what the documents print.

# block LANGUAGE N FILE: the lines of the N-th fenced block of a language
block() {
  awk -v fence="\`\`\`$1" -v wanted="$2" '
    inside && /^```$/ { exit }
    inside { print }
    $0 == fence && ++seen == wanted { inside = 1 }' "$3"
}

# blocks LANGUAGE FILE: how many there are
blocks() {
  grep -cx "\`\`\`$1" "$2" || true
}

# words: the text in one line, however it was broken into some
words() {
  tr -s ' \n' '  ' | sed 's/^ //; s/ $//'
}

# is_shown FILE SHOWN: whether FILE says what SHOWN does, in lines of any length; a … in SHOWN stands
# for what it leaves out
is_shown() {
  pattern=$(words <"$2" | sed 's/[][\\*?]/\\&/g; s/…/*/g')
  # shellcheck disable=SC2254 # it is a pattern
  case $(words <"$1") in $pattern) ;; *) return 1 ;; esac
}

# values: the numbers of a JSON text, a key and its value a line, but for measured ones
values() {
  grep -oE '"[a-z_]+": ?(-?[0-9.]+|true|false)' | tr -d ' ' | grep -v '_per_second"' | sort -u
}

# move_ports FOLDER: gives the nodes of a configs folder other ports, below those that a system hands
# out by itself, so that a cluster which runs here already isn't in the way
move_ports() {
  find "$1" -name '*.toml' -exec sed -Ei "s/(127\.0\.0\.1:)7([0-9]{3})/\1$((10 + $$ % 20))\2/" {} +
}

# with_section FILE TEXT: puts the sections of TEXT in place of those of the same names; [[lists]] grow
with_section() {
  printf '%s\n' "$2" | grep '^\[[^[]' | while read -r header; do
    awk -v header="$header" '/^\[/ { skip = ($0 == header) } !skip' "$1" >"$1.new"
    mv "$1.new" "$1"
  done
  printf '\n%s\n' "$2" >>"$1"
}

# be_patient FILE: a cluster's file with which clients wait for nodes that stand still for some seconds, as on a busy
# machine
be_patient() {
  with_section "$1" '[client]
timeout = "60s"
refusal_timeout = "10s"'
}

# store_patiently FILE: the same for storage nodes, which count as up meanwhile: a write waits for all of its fragments
store_patiently() {
  with_section "$1" '[links]
failure_timeout = "10s"
[client]
timeout = "60s"
refusal_timeout = "10s"
connect_timeout = "20s"
transfer_timeout = "20s"'
  sed -i 's/^\[recovery\]$/&\nfirst_timeout = "20s"\nhedge_after = "20s"/' "$1"
}

# broken_links FILE…: the links of documents to files and folders that aren't there
broken_links() {
  for document in "$@"; do
    for link in $(grep -oE '\]\([^)#: ]+\)' "$document" | tr -d '()]'); do
      [ -e "$(dirname "$document")/$link" ] || echo "$document links to $link, which isn't there"
    done
  done
}
