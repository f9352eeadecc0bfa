#!/bin/sh
# Has spin look at every interleaving of a model: check.sh MODEL holds|fails [DEFINITION...]
#
# Ends with 0 when the model holds, or fails, as it should. Needs spin and a C compiler.
set -eu
model=$(realpath "$1")
wanted=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
definitions=
for definition in "$@"; do definitions="$definitions -D$definition"; done
# shellcheck disable=SC2086  # words on purpose
spin $definitions -a "$model"
cc -O2 -w -DSAFETY -DVECTORSZ=2048 -o pan pan.c
./pan -m100000 >pan.out
grep -E 'errors:|states, stored|invalid end state' pan.out || true
if grep -q 'max search depth too small' pan.out; then
  echo "check.sh: not all of it was looked at" >&2
  exit 1
fi
errors=$(sed -n 's/.*errors: \([0-9]*\).*/\1/p' pan.out)
case $wanted in
  holds) [ "$errors" = 0 ] ;;
  fails) [ "$errors" != 0 ] ;;
  *) echo "check.sh: holds or fails, not $wanted" >&2; exit 2 ;;
esac
