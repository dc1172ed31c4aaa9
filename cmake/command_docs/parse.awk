# Parses what walk.sh prints, and calls for each command begin(path), describe(line), usage(line), and for each entry
# of its sections section(title) and entry(term, text); after all of them finish(). A format defines these functions.
# footer: the text that ends the help of the program.

/^=== / {
  end_entry()
  path = substr($0, 5)
  state = "description"
  begin(path)
  next
}
state == "description" && /^Usage: / {
  usage(substr($0, 8))
  state = "sections"
  next
}
state == "description" { describe($0); next }
state == "sections" && /^[A-Z][A-Za-z ]*:$/ {
  end_entry()
  section(substr($0, 1, length($0) - 1))
  next
}
state == "sections" && /^  [^ ]/ {
  end_entry()
  line = substr($0, 3)
  gap = match(line, /   *[^ ]/)
  term = gap ? substr(line, 1, gap - 1) : line
  text = gap ? substr(line, gap + RLENGTH - 1) : ""
  next
}
state == "sections" && /^   / {
  sub(/^ */, "")
  text = text (text == "" ? "" : " ") $0
  next
}
state == "sections" && /^$/ { end_entry(); next }
state == "sections" { end_entry(); state = "footer" }
state == "footer" && path == name { footer = footer (footer == "" ? "" : "\n") $0 }
END { end_entry(); finish() }

function end_entry() {
  if (term != "")
    entry(term, text)
  term = text = ""
}

# The names of an option: "-c,--cluster TEXT" has "-c --cluster".
function option_names(term,    first) {
  first = term
  sub(/ .*/, "", first)
  gsub(/,/, " ", first)
  return first
}
# What an option takes: "TEXT", "TEXT:{a,b}", or nothing.
function option_value(term,    rest) {
  if (term !~ / /)
    return ""
  rest = term
  sub(/^[^ ]* /, "", rest)
  sub(/ .*/, "", rest)
  return rest ~ /^(REQUIRED|Excludes:|Needs:|\(Env:.*)$/ ? "" : rest
}
# The choices among which an option takes one: "TEXT:{a,b}" has "a b".
function option_choices(term,    value) {
  value = option_value(term)
  if (!match(value, /\{[^}]*\}/))
    return ""
  value = substr(value, RSTART + 1, RLENGTH - 2)
  gsub(/,/, " ", value)
  return value
}
