#!/usr/bin/env bash
# Installs, builds and runs the tests; the exit status and the closing lines are ctest's.
#
#   ./test.sh           everything: normal build, then AddressSanitizer + UBSan, then ThreadSanitizer for the threaded tests,
#                       then the fuzz targets, those that read what clients and guests send a minute each, the others half of one
#   ./test.sh --quick   the normal build only
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
install_packages packaging/packages.txt

jobs=$(nproc)

build() { # PRESET [TARGET]
  echo "== $1 build"
  cmake --preset "$1" >"build/$1.configure.log" 2>&1 || { cat "build/$1.configure.log"; return 1; }
  ninja -C "build/$1" -j "$jobs" "${@:2}" >"build/$1.build.log" 2>&1 || { tail -n 60 "build/$1.build.log"; return 1; }
}

run() { # PRESET [CTEST OPTION...]
  local preset=$1
  shift
  echo "== $preset tests"
  ctest --test-dir "build/$preset" --output-on-failure --no-tests=error -j "$jobs" "$@"
}

mkdir -p build
build normal
if [ -n "$name" ]; then
  run normal -R "$name"
  exit
fi
run normal
[ -n "$quick" ] && exit

build address
run address
build thread
run thread
build fuzz fuzz
run fuzz
echo "== fuzz targets"
a_minute=(attach buffer control expression http json_body label_selector policy_yaml racing record response_demux ring_index)
others=()
for source in tests/fuzz/*_fuzz.cc; do
  target=$(basename "$source" _fuzz.cc)
  [[ " ${a_minute[*]} " == *" $target "* ]] || others+=("$target")
done
tests/fuzz/run.sh 60 "${a_minute[@]}"
tests/fuzz/run.sh 30 "${others[@]}"
