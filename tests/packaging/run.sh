#!/usr/bin/env bash
# Builds the Debian packages and has them installed, used, upgraded, removed and purged in a Debian of their own.
#
#   tests/packaging/run.sh [--no-build]     --no-build takes the packages that build/debs has
#
# Needs root and Debian's archive; the bare system and what it fetched are kept in build/packaging/base. The first build takes as long
# as a build of the whole tree, the rest one or two minutes: that is why ./test.sh leaves it out. What a step prints is in
# build/packaging/log. Ends with 0 and "packages: ok", or names the step that failed.
set -euo pipefail
cd "$(dirname "$0")/../.."

case ${1-} in -h | --help) sed -n '2,/^set /p' "$0" | sed -e '/^set /d' -e 's/^# \{0,1\}//'; exit 0 ;; esac
[ "$EUID" -eq 0 ] || exec sudo "$0" "$@"

work=$PWD/build/packaging
debs=$PWD/build/debs
base=$work/base
root=$work/root
log=$work/log
mkdir -p "$work"
: >"$log"

step() { doing=$*; echo "packages: $*"; echo "== $*" >>"$log"; }
at_end() { # an exit trap, for `set -e` ends a function without an ERR trap of its caller
  [ "$1" -eq 0 ] || { echo "packages: FAILED at: ${doing-start}; the end of $log:" >&2; tail -n 25 "$log" >&2; }
}
trap 'at_end $?' EXIT

if [ "${1-}" != --no-build ]; then
  step "build"
  packaging/build-debs.sh build/debs >>"$log" 2>&1
fi
packages=(vservices vservices-guest libvservice-dev)
files=()
for package in "${packages[@]}"; do files+=("$(ls "$debs/${package}"_[0-9]*.deb)"); done

step "lintian: no errors"
lintian --fail-on error --no-tag-display-limit "${files[@]}" >>"$log" 2>&1

if [ ! -e "$base.done" ]; then
  step "a bare Debian, once"
  rm -rf "$base"
  debootstrap --variant=minbase bookworm "$base" >>"$log" 2>&1
  # As this machine reaches the archive, so does that one.
  cp /etc/apt/sources.list "$base/etc/apt/" 2>/dev/null || true
  cp -r /etc/apt/sources.list.d /etc/apt/apt.conf.d "$base/etc/apt/" 2>/dev/null || true
  rm -f "$base/etc/apt/apt.conf.d/docker-clean" # it would throw away what apt fetched
  printf '#!/bin/sh\nexit 101\n' >"$base/usr/sbin/policy-rc.d" # no service is started in here
  chmod +x "$base/usr/sbin/policy-rc.d"
  touch "$base.done"
fi

in_root() { # COMMAND...: there, with a /proc of its own; what it mounts goes with it
  unshare --mount --fork --pid --kill-child sh -c '
    mount --make-rprivate / 2>/dev/null || true
    mount -t proc proc "$0/proc" && mount -t tmpfs tmpfs "$0/run" && shift 0 && exec chroot "$0" "$@"' "$root" \
    env -u TMPDIR DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@" </dev/null >>"$log" 2>&1
}
files_in_root() { # what the packages may have left: all but the books that dpkg, apt and the users keep
  (cd "$root" && find . -xdev \( -path ./proc -o -path ./run -o -path ./packages -o -path ./var/lib/dpkg -o -path ./var/lib/apt \
    -o -path ./var/cache -o -path ./var/log \) -prune -o \
    ! -path './etc/passwd*' ! -path './etc/group*' ! -path './etc/shadow*' ! -path './etc/gshadow*' ! -path './etc/sub?id*' \
    ! -path ./etc/ld.so.cache ! -path './var/lib/systemd*' ! -path './etc/systemd*' -print | sort)
}

step "their dependencies"
rm -rf "$root"
cp -a --reflink=auto "$base" "$root"
mkdir -p "$root/packages"
cp "${files[@]}" "$root/packages/"
depends=$(for file in "${files[@]}"; do dpkg-deb -f "$file" Depends; done | tr ',\n' '\n\n' | sed 's/(.*//; s/|.*//; s/ //g' | grep . |
  grep -vxF "$(printf '%s\n' "${packages[@]}")" | sort -u)
in_root sh -c "apt-get update && apt-get install -y --no-install-recommends $(echo $depends)"
# Kept for the next run: what apt has fetched is not fetched again.
mkdir -p "$base/var/cache/apt/archives"
cp -n "$root"/var/cache/apt/archives/*.deb "$base/var/cache/apt/archives/" 2>/dev/null || true
files_in_root >"$work/before"

step "install"
in_root sh -c 'apt-get install -y --no-install-recommends /packages/*.deb'
in_root sh -c 'getent passwd vservices-backend && getent group vservices'

step "use: help, completion, configuration, a daemon from start to end"
in_root vsctl --help
in_root vsmgrd --help
in_root sh -c 'test -s /usr/share/bash-completion/completions/vsctl && test -s /usr/share/man/man8/vsmgrd.8.gz'
in_root sh -c 'test -e /usr/include/vservice.h && grep -q lvservice /usr/lib/*/pkgconfig/vservice.pc && ldconfig -p | grep -q libnss_vservice.so.2'
in_root vsmgrd --check-config --config /etc/vservices/vsmgrd.conf
cat >"$root/packages/use.sh" <<'USE'
set -eux
vsmgrd --config /etc/vservices/vsmgrd.conf &
daemon=$!
for _ in $(seq 300); do vsctl version && break; sleep 0.1; done
vsctl apply -f /usr/share/vservices/policies/demo.yaml --no-wait
vsctl wait binding web1-dns --for state=Bound --timeout 30s
vsctl get bindings -o wide
vsctl get bindings | grep -q Denied
test "$(stat -c %U /run/vservices/domains/web1)" = vservices-backend
kill -TERM $daemon
wait $daemon
pidof vsbackend                # guests are served on ...
vsmgrd --config /etc/vservices/vsmgrd.conf &
daemon=$!
for _ in $(seq 300); do vsctl version && break; sleep 0.1; done
vsctl get binding web1-dns     # ... and what was declared is there
kill -INT $daemon
wait $daemon
! pidof vsbackend
USE
in_root sh /packages/use.sh

step "upgrade: what was edited and declared stays"
echo '# edited by an operator' >>"$root/etc/vservices/vsmgrd.conf"
rm "$root"/packages/*.deb
for file in "${files[@]}"; do
  tree=$(mktemp -d -p "$work")
  dpkg-deb -R "$file" "$tree"
  old=$(dpkg-deb -f "$file" Version)
  sed -i -e "s/^Version: .*/Version: $old+next/" -e "s/(= $old)/(= $old+next)/" "$tree/DEBIAN/control"
  dpkg-deb --root-owner-group -b "$tree" "$root/packages/$(basename "$file")" >>"$log"
  rm -rf "$tree"
done
in_root sh -c 'apt-get install -y --no-install-recommends -o Dpkg::Options::=--force-confold /packages/*.deb'
in_root sh -c 'dpkg -s vservices | grep -q "^Version: .*+next"'
grep -q 'edited by an operator' "$root/etc/vservices/vsmgrd.conf"
in_root vsmgrd --check-config --config /etc/vservices/vsmgrd.conf
test -s "$root/var/lib/vservices/vsmgrd.db"

step "remove: programs go, what an operator made stays"
in_root apt-get remove -y "${packages[@]}"
test ! -e "$root/usr/sbin/vsmgrd" && test ! -e "$root/usr/bin/vsctl"
test -e "$root/etc/vservices/vsmgrd.conf" && test -s "$root/var/lib/vservices/vsmgrd.db"

step "purge: nothing stays"
in_root dpkg --purge "${packages[@]}" # apt knows no more of what left nothing behind and is in no archive
files_in_root >"$work/after"
diff "$work/before" "$work/after" >>"$log"

rm -rf "$root"
echo "packages: ok"
