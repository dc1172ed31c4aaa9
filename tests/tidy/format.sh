#!/bin/sh
# Fails when a C++ file isn't formatted as .clang-format says; `make format` formats all of them.
#
# format.sh CLANG_FORMAT ROOT
set -eu
cd "$2"
find framework plugins apps tests \( -name '*.cpp' -o -name '*.hpp' \) -print0 |
  xargs -0 -n 64 "$1" --dry-run --Werror
