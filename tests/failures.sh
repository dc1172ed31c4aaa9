#!/usr/bin/env bash
# Says once more, at the end of a long run of tests, why some of them failed: of each the first lines of its output,
# those that tell a failure, and the last ones.
#
# failures.sh LOG…: each as ctest leaves it in Testing/Temporary/LastTest.log
set -euo pipefail
awk '
  /^[0-9]+\/[0-9]+ Testing: / { name = $3; count = 0; inside = 0 }
  /^<end of output>/ { inside = 0 }
  inside > 1 { lines[count++] = substr($0, 1, /of the failed test:/ ? 2000 : 400) }
  inside { ++inside } # a line of dashes comes first
  /^Output:$/ { inside = 1 }
  /^Test Failed\.$/ {
    printf "\n== %s failed:\n", name
    told = 0
    for (i = 0; i < count; ++i)
      if (i < 3 || i >= count - 4)
        print lines[i]
      else if (lines[i] ~ /ERROR|FAILED|values:|logged:|Sanitizer|: error:|of the failed test:/ && ++told <= 8)
        print lines[i]
  }
' "$@"
