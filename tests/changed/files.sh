#!/bin/sh
# Prints the files that differ from a commit, by their paths from the root: committed since, only in the working
# tree, deleted, or new and not added yet.
#
#   tests/changed/files.sh COMMIT
set -eu
cd "$(dirname "$0")/../.."
git rev-parse --quiet --verify "$1^{commit}" >/dev/null || {
  echo "base=$1 names no commit of this repository; give a commit, a branch or a tag" >&2
  exit 2
}
{
  git diff --name-only --no-renames "$1" --
  git ls-files --others --exclude-standard
} | sort -u
