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
