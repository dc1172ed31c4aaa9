#!/usr/bin/env bash
# Makes the Debian package, unpacks it where neither the build nor the CAF that it was built with can be seen, and runs
# a node from it as its unit says, which stores and reads a file. Systemd's own tools look at the unit where they are
# installed.
#
# run.sh BUILD CPACK
#   BUILD: a build folder of Atoll in which the programs are built
set -euo pipefail
umask 022
build=$1 cpack=$2
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
cleanup() {
  "$work/root/usr/bin/dfs" down "$work/etc" >"$work/down" 2>&1 || true
  rm -rf "$work"
}
trap cleanup EXIT
test=packaging
. "$here/../docs/checks.sh"
. "$here/../docs/blocks.sh"

quietly "making the package" sh -c 'cd "$1" && "$2" -B "$3"' - "$build" "$cpack" "$work/package"
package=$(echo "$work"/package/atoll_*.deb)
[ -f "$package" ] || fail "there is no package in $(ls "$work/package")"
dpkg-deb --info "$package" >"$work/out"
for library in libc6 libstdc++6 librocksdb libssl3 libisal2 libjemalloc2 libre2-9 libfmt9 libspdlog1 libtomlplusplus3; do
  grep -q "Depends:.*$library" "$work/out" || fail "the package does not depend on $library"
done
! grep -q 'Depends:.*caf' "$work/out" || fail "the package depends on CAF, which no Debian 12 has"
root=$work/root
dpkg-deb --extract "$package" "$root"
dpkg-deb --control "$package" "$work/control"
for script in postinst prerm; do
  sh -n "$work/control/$script" && [ -x "$work/control/$script" ] || fail "$script can't be run"
done
! grep -rlF -e "$build" "$root" --include='*.cmake' --include='*.toml' --include='*.service' >"$work/out" ||
  fail "files of the package name the folder of the build:"

# The unit, for these folders: what it runs, and where its data is.
etc=$work/etc
cp -R "$root/usr/share/atoll/configs/service" "$etc"
move_ports "$etc"
store_patiently "$etc/cluster.toml"
sed -i "s|/var/lib/dfs|$work/data|" "$etc/node.toml"
sed "s|^ExecStart=dfsd|ExecStart=$root/usr/bin/dfsd|; s|/etc/dfs|$etc|; s|^Documentation=.*||" \
  "$root/usr/lib/systemd/system/dfsd@.service" >"$work/dfsd@.service"
if command -v systemd-analyze >/dev/null; then
  quietly "systemd-analyze verify" systemd-analyze verify --man=no "$work/dfsd@.service"
  [ ! -s "$work/out" ] || fail "systemd-analyze verify warns:"
  quietly "systemd-analyze security" systemd-analyze security --offline=true --threshold=20 --no-pager "$work/dfsd@.service"
fi
if command -v systemd-sysusers >/dev/null; then
  mkdir "$root/etc"
  quietly "creating the user" systemd-sysusers --root="$root" atoll.conf
  grep -q '^dfs:' "$root/etc/passwd" || fail "the package creates no user dfs, as whom the unit runs"
fi
command=$(sed -n 's/^ExecStart=//p' "$work/dfsd@.service" | sed 's/%i/node/g')

# From here on the build and the caches of its user are hidden, where the system lets us hide them.
hide=()
if unshare --mount --map-root-user true 2>/dev/null; then
  hide=(unshare --mount --map-root-user sh -c 'mount -t tmpfs none "$0" && { [ ! -d "$1" ] || mount -t tmpfs none "$1"; } &&
    shift && exec "$@"' "$build" "${ATOLL_DEPS:-$HOME/.cache/atoll}")
  ! "${hide[@]}" test -e "$build/bin/dfsd" || fail "the build can still be seen"
fi
# shellcheck disable=SC2086 # it is a command with its arguments
quietly "checking the file as the unit names it" "${hide[@]}" $command --check
dfs() { "${hide[@]}" "$root/usr/bin/dfs" -q -c "$etc" "$@"; }
quietly "starting the node" dfs up "$etc"
head -c 3000000 /dev/urandom >"$work/file"
quietly "storing a file" dfs put "$work/file" /file
quietly "reading it" dfs get /file "$work/again"
quietly "comparing it" cmp "$work/file" "$work/again"
quietly "verifying an installed plugin" "${hide[@]}" "$root/usr/bin/atoll" verify random --seeds 5
quietly "stopping the node" dfs down "$etc"
[ -d "$work/data/node" ] || fail "the node's data is not where the example says"
