#!/usr/bin/env bash
# Installs what Atoll is built with, on Debian 12: packages with apt, and CAF from the distribution's own source
# package when CMake finds none that is new enough. Says nothing when there is nothing to do.
#
#   cmake/setup.sh [--sanitize thread] [--with PACKAGE]
#
# --sanitize thread     builds a CAF that ThreadSanitizer can see into
# --with PACKAGE        installs this Debian package as well
# ATOLL_DEPS            where CAF is installed (default: ${XDG_CACHE_HOME:-~/.cache}/atoll)
# CMAKE_PREFIX_PATH     where to look for a CAF of yours (0.18.7 or later, 1.x)
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
deps=${ATOLL_DEPS:-${XDG_CACHE_HOME:-$HOME/.cache}/atoll}
sanitize=
extra=()

caf_version=0.18.7
caf_sha256=d5c3abe8fd67a729aab1baeece10367637d903ba335f4c79378bcadfbcd34552

packages=(
  build-essential cmake ninja-build ccache pkg-config git ca-certificates
  libboost1.81-dev libboost-filesystem1.81-dev libboost-system1.81-dev
  libtomlplusplus-dev doctest-dev librocksdb-dev libjemalloc-dev libisal-dev libssl-dev libcli11-dev
  libfmt-dev libspdlog-dev libexpected-dev nlohmann-json3-dev librapidcheck-dev libbenchmark-dev libre2-dev
)

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

while [ $# -gt 0 ]; do
  case $1 in
    --sanitize) sanitize=${2:?} ;;
    --with) extra+=("${2:?}") ;;
    *) fail "what is '$1'? Usage: cmake/setup.sh [--sanitize thread] [--with PACKAGE]" ;;
  esac
  shift 2
done

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else fail "needs root to run '$*': run as root, or install sudo"
  fi
}

install_packages() {
  command -v apt-get >/dev/null || { say "no apt-get here: install the libraries named in $0 yourself"; return; }
  local missing=() package
  for package in "${packages[@]}" "${extra[@]}"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  say "installing ${missing[*]}"
  as_root apt-get update -q >/dev/null
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${missing[@]}" >/dev/null ||
    fail "apt-get could not install: ${missing[*]}"
}

# True when CMake itself finds a CAF that is new enough.
caf_found() {
  local probe
  probe=$(mktemp -d)
  cp "$here/probe/CMakeLists.txt" "$probe/"
  CMAKE_PREFIX_PATH="$1${CMAKE_PREFIX_PATH:+:$CMAKE_PREFIX_PATH}" \
    cmake -S "$probe" -B "$probe/build" -G Ninja >"$probe/log" 2>&1
  local found=$?
  rm -rf "$probe"
  return $found
}

# Downloads the source tarball of Debian's package into $1, with apt's state in a folder of its own: the machine's
# own list of sources stays as it is. The archive's address is the one that the machine already uses.
download_caf() {
  local into=$1 archive
  archive=$(apt-get indextargets --format '$(REPO_URI) $(LABEL)' | awk '$2 == "Debian" { print $1; exit }')
  [ -n "$archive" ] || fail "apt knows no Debian archive to fetch the source of CAF $caf_version from"
  mkdir -p "$into"/apt/{state/lists/partial,cache/archives/partial}
  cat >"$into/apt/debian.sources" <<LIST
Types: deb-src
URIs: $archive
Suites: experimental
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
LIST
  local options=(
    -q -o "Dir::Etc::SourceList=/dev/null" -o "Dir::Etc::SourceParts=$into/apt" -o "Dir::State=$into/apt/state"
    -o "Dir::State::status=/var/lib/dpkg/status" -o "Dir::Cache=$into/apt/cache"
    -o "APT::Sandbox::User="
  )
  apt-get "${options[@]}" update >/dev/null
  (cd "$into" && apt-get "${options[@]}" source --download-only --tar-only "actor-framework" >/dev/null)
  tarball=$(ls "$into"/actor-framework_"$caf_version"*.orig.tar.* 2>/dev/null | head -n 1)
  [ -n "$tarball" ] || fail "the archive's experimental suite no longer carries CAF $caf_version; install CAF yourself" \
    "and name its prefix in CMAKE_PREFIX_PATH"
  echo "$caf_sha256  $tarball" | sha256sum --check --quiet - >&2 ||
    fail "the source of CAF $caf_version is not the one expected (SHA-256 differs): $tarball"
}

build_caf() {
  local prefix=$1 flags=
  [ -n "$sanitize" ] && flags="-fsanitize=$sanitize -g"
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT # global: the trap runs after this function is gone
  say "fetching the source of CAF $caf_version"
  download_caf "$work"
  mkdir "$work/source"
  tar -xf "$tarball" -C "$work/source" --strip-components 1
  say "building CAF $caf_version into $prefix (once, some minutes)"
  local launcher=()
  command -v ccache >/dev/null && launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  {
    cmake -S "$work/source" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Release "-DCMAKE_INSTALL_PREFIX=$prefix.new" \
      -DBUILD_SHARED_LIBS=OFF -DCMAKE_POSITION_INDEPENDENT_CODE=ON -DCMAKE_CXX_STANDARD=20 "-DCMAKE_CXX_FLAGS=$flags" \
      -DCAF_ENABLE_EXAMPLES=OFF -DCAF_ENABLE_TESTING=OFF -DCAF_ENABLE_TOOLS=OFF -DCAF_ENABLE_OPENSSL_MODULE=ON \
      "${launcher[@]}" &&
      cmake --build "$work/build" && cmake --install "$work/build"
  } >"$work/log" 2>&1 || { tail -n 40 "$work/log" >&2; fail "CAF $caf_version could not be built"; }
  rm -rf "$prefix"
  mv "$prefix.new" "$prefix"
}

install_packages
prefix="$deps/caf-$caf_version${sanitize:+-$sanitize}"
mkdir -p "$deps"
exec 9>"$deps/.lock"
flock 9 # two builds at once must not install into one prefix
caf_found "$prefix" || build_caf "$prefix"
