#!/bin/sh
# Runs one benchmark: tests/bench/run.sh NAME [--json FILE] [options of the benchmark]
#
# NAME is that of a NAME.py in this folder; NAME --help tells its options. Builds what it runs in
# release first, into build/release. Needs root: a benchmark makes namespaces of its own, and all it
# makes ends with them.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
build=$top/build/release

names=$(cd "$here" && ls ./*.py | sed 's|^\./||; s|\.py$||' | tr '\n' ' ')
name=${1-}
if [ -z "$name" ] || [ ! -f "$here/$name.py" ]; then
  echo "usage: $0 NAME [--json FILE] [option...]   NAME: one of $names" >&2
  exit 2
fi
shift
if [ "$(id -u)" -ne 0 ]; then
  echo "$0: needs root, for namespaces and virtual interfaces" >&2
  exit 2
fi

mkdir -p "$build"
case $name in
  limits | ring) bench=ON target=bench_ring ;; # nothing of the product beside what they link
  sched | sla) bench=ON target=bench_sched ;;
  pubsub | buffers) bench=ON target='bench_pubsub limits' ;;
  control) bench=ON target='all bench_policy' ;;
  migration | moves) bench=ON target='bench_migration vsmgrd vsbackend vsctl vs_client nss_vservice' ;;
  placement) bench=ON target='all bench_placement' ;;
  *) bench=OFF target=all ;;
esac
if ! { cmake -S "$top" --preset release -DVS_BENCH=$bench && cmake --build "$build" --target $target; } \
  >"$build/bench.log" 2>&1; then
  cat "$build/bench.log" >&2
  exit 1
fi
for source in "$here"/*.c; do
  cc -std=gnu11 -O2 -Wall -Wextra -o "$build/bin/$(basename "$source" .c)" "$source"
done
cc -std=gnu11 -O2 -Wall -Wextra -shared -fPIC -o "$build/lib/libnss_floor.so.2" "$here/nss/floor.c"

PYTHONDONTWRITEBYTECODE=1 exec python3 "$here/$name.py" --build "$build" "$@"
