#!/bin/sh
# What may befall a move between two nodes, in each of its phases, with real processes: tests/migration/matrix.sh [--cells REGEX]
#
# Cells are PHASE/PARTY/WAY; matrix.sh --list names them, --help tells the other options. A line for each; status 0 when all are well.
# Needs root: nodes live in namespaces made for them. VS_BUILD_DIR: the build whose programs are tested, default build/normal.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
if [ "$(id -u)" -ne 0 ]; then
  echo "$0: needs root, for namespaces and mounts" >&2
  exit 2
fi
VS_BINARY_DIR=$(cd "$top/${VS_BUILD_DIR:-build/normal}" && pwd) VS_SOURCE_DIR=$top \
  PYTHONPATH=$top/tests/integration exec python3 -B "$here/matrix.py" "$@"
