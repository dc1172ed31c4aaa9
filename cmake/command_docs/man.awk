# A manual page: the program first, then a subsection for each of its commands.

function escaped(line) {
  gsub(/\\/, "\\e", line)
  gsub(/-/, "\\-", line)
  return line ~ /^[.']/ ? "\\&" line : line
}
function out(line) { body = body line "\n" }

function begin(path) {
  described = 0
  if (path != name)
    out(".SS \"" escaped(path) "\"")
}
function describe(line) {
  if (path == name && !described) {
    described = 1
    summary = line
    sub("^" name ":? ", "", summary)
    sub(/^Atoll: /, "", summary)
    sub(/\.$/, "", summary)
  }
  if (line ~ /^  /) { # an example
    out(".nf")
    out(escaped(line))
    out(".fi")
  } else {
    out(line == "" ? ".PP" : escaped(line))
  }
}
function usage(line) {
  if (path == name) {
    synopsis = line
  } else {
    out(".PP")
    out("\\fB" escaped(line) "\\fR")
  }
}
function section(title) {
  current = title
  if (path == name)
    out(".SH " toupper(title))
}
function entry(term, text) {
  out(".TP")
  term = escaped(term)
  gsub(/,/, ",\\:", term) # a line may end after each choice
  out("\\fB" term "\\fR")
  if (text != "")
    out(escaped(text))
}
function finish() {
  printf ".\\\" Made from %s \\-\\-help.\n", name
  printf ".TH %s 1 \"\" \"Atoll %s\" \"User Commands\"\n", toupper(name), version
  printf ".ad l\n.nh\n"
  printf ".SH NAME\n%s \\- %s\n", name, escaped(summary)
  printf ".SH SYNOPSIS\n\\fB%s\\fR\n", escaped(synopsis)
  printf ".SH DESCRIPTION\n%s", body
  if (footer != "") {
    printf ".SH EXIT STATUS\n%s\n", escaped(footer)
  }
  printf ".SH SEE ALSO\n"
  printf "\\fBatoll\\fR(1), \\fBdfs\\fR(1), \\fBdfsd\\fR(1); the documents in share/doc/atoll\n"
}
