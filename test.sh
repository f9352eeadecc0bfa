#!/usr/bin/env bash
# Installs, builds and runs the tests; the exit status says whether all passed.
#
#   ./test.sh           everything, in less than an hour on 2 cores: all tests under AddressSanitizer + UBSan; in the normal build those
#                       of whole nodes, and where the order of memory or the amount of work matters; the threaded ones under
#                       ThreadSanitizer; the fuzz targets, those that read what clients and guests send a minute each, the others
#                       a part of one; and, in an emulator, Xen
#   ./test.sh --quick   the normal build only, all its tests
#   ./test.sh NAME      what matches NAME (a regular expression of ctest), in the normal build
set -euo pipefail
cd "$(dirname "$0")"

usage() { sed -n '2,/^set /p' "$0" | sed -e '/^set /d' -e 's/^# \{0,1\}//'; }

quick=
name=
for argument in "$@"; do
  case $argument in
    --quick) quick=1 ;;
    -h | --help) usage; exit 0 ;;
    -*) echo "test.sh: unknown option $argument" >&2; usage >&2; exit 2 ;;
    *) name=$argument ;;
  esac
done

[ "$EUID" -eq 0 ] || exec sudo -E "$0" "$@"

# Tests make namespaces and mounts, which the kernel does not let a process in a chroot do.
own_root=(unshare --mount --propagation unchanged perl packaging/own_root.pl)
if [ -z "${VS_OWN_ROOT-}" ] && ischroot && "${own_root[@]}" true; then
  VS_OWN_ROOT=1 exec "${own_root[@]}" ./test.sh "$@"
fi

. packaging/install.sh
need_tree_for_guests
install_packages packaging/packages.txt

jobs=$(nproc)

stage() { printf '== %s (after %d min)\n' "$1" $((SECONDS / 60)); }

build() { # PRESET [TARGET]
  stage "$1 build"
  cmake --preset "$1" >"build/$1.configure.log" 2>&1 || { cat "build/$1.configure.log"; return 1; }
  ninja -C "build/$1" -j "$jobs" "${@:2}" >"build/$1.build.log" 2>&1 || { tail -n 60 "build/$1.build.log"; return 1; }
}

run() { # PRESET [CTEST OPTION...]
  local preset=$1
  shift
  stage "$preset tests"
  ctest --test-dir "build/$preset" --output-on-failure --no-tests=error -j "$jobs" "$@"
}

mkdir -p build
if [ -n "$quick$name" ]; then
  build normal
  run normal ${name:+-R "$name"}
  exit
fi

build normal optimised
run normal -L optimised
build address
run address
build thread
run thread
build fuzz fuzz
run fuzz
stage "fuzz targets"
a_minute=(attach buffer control expression http json_body label_selector policy_yaml racing record response_demux ring_index)
others=()
for source in tests/fuzz/*_fuzz.cc; do
  target=$(basename "$source" _fuzz.cc)
  [[ " ${a_minute[*]} " == *" $target "* ]] || others+=("$target")
done
tests/fuzz/run.sh 60 "${a_minute[@]}"
tests/fuzz/run.sh 15 "${others[@]}"

# Last: an emulated processor needs the machine for itself.
stage "Xen"
xen=0
tests/xen/run.sh || xen=$?
if [ "$xen" = 77 ]; then
  echo "== all passed, but NOTHING WAS TESTED ON XEN: this machine cannot run it"
  exit 0
fi
stage "end"
exit "$xen"
