#!/bin/sh
# Checks check.sh in a small tree with builds of its own: for each kind of change, which tests are run.
#
#   check_test.sh CMAKE CXX_COMPILER
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
  echo "changed: $1" >&2
  cat "$work/out" >&2
  exit 1
}

mkdir -p "$work/tree/tests" "$work/tree/plugins" "$work/tree/lonely"
cp -R "$here" "$work/tree/tests/changed"
cd "$work/tree"
cat >CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.22)
project(small LANGUAGES CXX)
enable_testing()
add_library(used STATIC used.cpp)
add_subdirectory(plugins)
add_subdirectory(lonely)
add_test(NAME format COMMAND ${CMAKE_COMMAND} -E true)
foreach(name tidy direct loading cluster)
  add_executable(test_${name} ${name}.cpp)
  add_test(NAME ${name} COMMAND test_${name})
endforeach()
target_link_libraries(test_direct used)
add_dependencies(test_loading plugin)
add_dependencies(test_cluster plugin)
set_tests_properties(cluster PROPERTIES LABELS cluster)
add_test(NAME verify COMMAND test_tidy $<TARGET_FILE:plugin>)
add_test(NAME script COMMAND sh ${CMAKE_CURRENT_SOURCE_DIR}/script/run.sh)
add_test(NAME docs COMMAND sh ${CMAKE_CURRENT_SOURCE_DIR}/docs/run.sh ${CMAKE_BINARY_DIR})
add_test(NAME whole COMMAND sh ${CMAKE_CURRENT_SOURCE_DIR}/script/run.sh ${CMAKE_BINARY_DIR})
END
echo 'add_library(plugin MODULE plugin.cpp)' >plugins/CMakeLists.txt
printf '%s\n' 'add_executable(test_lonely lonely.cpp)' 'add_test(NAME lonely COMMAND test_lonely)' >lonely/CMakeLists.txt
echo 'int plugin() { return 1; }' >plugins/plugin.cpp
echo 'int used();' >used.hpp
printf '%s\n' '#include "used.hpp"' 'int used() { return 0; }' >used.cpp
printf '%s\n' '#include "used.hpp"' 'int main() { return used(); }' >direct.cpp
mkdir script
echo 'exit 0' >script/run.sh
for name in tidy loading cluster lonely/lonely; do
  echo 'int main() { return 0; }' >$name.cpp
done
echo /build >.gitignore
git init -q
git add .
git -c user.name=test -c user.email=test@localhost commit -qm 'Begin'
git tag begin
"$1" -S . -B build -G Ninja -DCMAKE_CXX_COMPILER="$2" >"$work/out"

# runs BASE TEST...: these tests, beside tidy and format, which always are
runs() {
  base=$1
  shift
  tests/changed/check.sh build "$base" >"$work/out" 2>&1 || fail "check.sh failed"
  sed -n 's/^ *[0-9]*\/[0-9]* Test *#[0-9]*: \([a-z]*\) .*/\1/p' "$work/out" | grep -vxE 'tidy|format' | sort | xargs >"$work/run"
  [ "$(cat "$work/run")" = "$*" ] || fail "instead of '$*', '$(cat "$work/run")' were run"
}

# skips TEST...: the tests that the last run named, and didn't run
skips() {
  grep -qF "make test t='^($1)\$'" "$work/out" || fail "'$1' isn't named as not run"
}

runs HEAD ''
# As long as nothing was compiled, a header may be included everywhere.
echo '// changed' >>used.hpp
runs HEAD direct
[ -x build/lonely/test_lonely ] || fail "what might include the header wasn't built"
git checkout -q used.hpp
echo '// changed' >>lonely/lonely.cpp
runs HEAD lonely
git commit -qam 'Change one'
runs HEAD ''
runs begin lonely
echo '// changed' >>plugins/plugin.cpp
runs HEAD loading verify
skips cluster
git checkout -q plugins
echo '# changed' >>lonely/CMakeLists.txt
runs HEAD lonely
printf '%s\n' 'add_executable(test_new new.cpp)' 'add_test(NAME new COMMAND test_new)' >>lonely/CMakeLists.txt
echo 'int main() { return 0; }' >lonely/new.cpp
runs HEAD lonely new
git commit -qm 'Name a source that is not added yet' lonely/CMakeLists.txt
runs HEAD new
git add lonely
git commit -qm 'Add the source'
echo 'changed' >>script/beside
runs HEAD script
skips whole
rm script/beside
echo 'A document' >README.md
runs HEAD ''
skips docs
rm README.md
echo 'int main() { return 1; }' >direct.cpp
if tests/changed/check.sh build >"$work/out" 2>&1; then fail "a failed test is not noticed"; fi
if tests/changed/check.sh build nowhere >"$work/out" 2>&1; then fail "an unknown commit is not noticed"; fi
grep -q 'base=nowhere names no commit' "$work/out" || fail "the unknown commit is not named"
