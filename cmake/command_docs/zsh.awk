# Completion for zsh, by the same rules as for bash, with what each word means.

function begin(path) { commands[++count] = path }
function describe(line) {}
function usage(line) {}
function section(title) { current = title }
function described(word, text) {
  gsub(/'/, "'\\''", text)
  return " '" word ":" text "'"
}
function entry(term, text,    names, i, last, parts) {
  if (current == "Subcommands") {
    below[path] = below[path] described(term, text)
  } else if (term ~ /^-/) {
    names = option_names(term)
    last = split(names, parts, " ")
    for (i = 1; i <= last; ++i) {
      options[path] = options[path] described(parts[i], text)
      if (option_value(term) != "")
        takes_value = takes_value (takes_value == "" ? "" : " | ") "'" path " " parts[i] "'"
      if (option_choices(term) != "")
        choices = choices "    '" path " " parts[i] "') choices=(" option_choices(term) ") ;;\n"
    }
  }
}
function finish(    i, inner) {
  printf "#compdef %s\n", name
  printf "# Made from what '%s --help' prints.\n", name
  printf "local command=%s skip= i\n", name
  printf "local -a options subcommands choices\n"
  printf "for ((i = 2; i < CURRENT; i++)); do\n"
  printf "  [[ -z $skip ]] || { skip=; continue; }\n"
  printf "  case \"$command $words[i]\" in\n"
  for (i = 2; i <= count; ++i)
    inner = inner (inner == "" ? "" : " | ") "'" commands[i] "'"
  if (inner != "")
    printf "    %s) command+=\" $words[i]\" ;;\n", inner
  if (takes_value != "")
    printf "    %s) skip=yes ;;\n", takes_value
  printf "  esac\n"
  printf "done\n"
  if (choices != "")
    printf "case \"$command $words[CURRENT-1]\" in\n%sesac\n", choices
  printf "case $command in\n"
  for (i = 1; i <= count; ++i) {
    printf "  '%s')\n    options=(%s)\n", commands[i], substr(options[commands[i]], 2)
    printf "    subcommands=(%s) ;;\n", substr(below[commands[i]], 2)
  }
  printf "esac\n"
  printf "if (($#choices)); then\n  compadd -- $choices\n"
  printf "elif [[ -n $skip ]]; then\n  _files\n"
  printf "elif [[ $words[CURRENT] == -* ]]; then\n  _describe -o option options\n"
  printf "elif (($#subcommands)); then\n  _describe command subcommands\n"
  printf "else\n  _files\nfi\n"
}
