# offers.zsh FILE WORD…: prints what the completion function in FILE offers for the last word, a candidate a line.
# The functions of zsh's completion system are replaced by ones that print what they are given.
_describe() { local candidate; for candidate in "${(@P)@[-1]}"; do print -r -- "${candidate%%:*}"; done }
compadd() { shift; print -rl -- "$@" }
_files() { print files }
local file=$1
words=("${@[2,-1]}")
CURRENT=$#words
complete_words() { source $file }
complete_words
