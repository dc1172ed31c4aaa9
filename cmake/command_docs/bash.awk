# Completion for bash. Words that begin with a dash are completed to options, others to subcommands or to the choices
# of the option before them, and otherwise to files.

function begin(path) { commands[++count] = path }
function describe(line) {}
function usage(line) {}
function section(title) { current = title }
function entry(term, text,    names, i, parts) {
  if (current == "Subcommands") {
    below[path] = below[path] (below[path] == "" ? "" : " ") term
  } else if (term ~ /^-/) {
    names = option_names(term)
    options[path] = options[path] (options[path] == "" ? "" : " ") names
    if (option_value(term) == "")
      return
    for (i = split(names, parts, " "); i > 0; --i) {
      takes_value = takes_value (takes_value == "" ? "" : " | ") "\"" path " " parts[i] "\""
      if (option_choices(term) != "")
        choices = choices "    \"" path " " parts[i] "\") words=\"" option_choices(term) "\" ;;\n"
    }
  }
}
function finish(    i, inner) {
  printf "# Made from what '%s --help' prints.\n", name
  printf "_%s() {\n", name
  printf "  local current=${COMP_WORDS[COMP_CWORD]} command=%s skip= words= i\n", name
  printf "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
  printf "    [ -z \"$skip\" ] || { skip=; continue; }\n"
  printf "    case \"$command ${COMP_WORDS[i]}\" in\n"
  for (i = 2; i <= count; ++i)
    inner = inner (inner == "" ? "" : " | ") "\"" commands[i] "\""
  if (inner != "")
    printf "      %s) command+=\" ${COMP_WORDS[i]}\" ;;\n", inner
  if (takes_value != "")
    printf "      %s) skip=yes ;;\n", takes_value
  printf "    esac\n"
  printf "  done\n"
  printf "  case \"$command ${COMP_WORDS[COMP_CWORD - 1]}\" in\n%s    *) ;;\n  esac\n", choices
  printf "  if [ -z \"$words$skip\" ]; then\n"
  printf "    case \"${current:0:1}:$command\" in\n"
  for (i = 1; i <= count; ++i) {
    printf "      \"-:%s\") words=\"%s\" ;;\n", commands[i], options[commands[i]]
    if (below[commands[i]] != "")
      printf "      *\":%s\") words=\"%s\" ;;\n", commands[i], below[commands[i]]
  }
  printf "    esac\n"
  printf "  fi\n"
  printf "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
  printf "}\n"
  printf "complete -o default -F _%s %s\n", name, name
}
