#!/bin/sh
# Runs the cases of a boot one after the other, in one node and with the guests that the others left, and says how each ended. all.sh BOOT [CASE...]
cd /payload/cases && . ./lib.sh
boot=$1; shift
cases=${*:-$(cat "$boot.list")}
bad=0
node_up /payload/cases/policy.yaml || exit 99
for one in $cases; do
  begun=$(date +%s)
  echo "=== $one"
  ( . "./$one.sh"; [ $FAILS = 0 ] || { tail -n 20 /out/vsmgrd.log; xenstore-ls /local/domain/0/backend/vservice; }; exit $FAILS ) </dev/null
  rc=$?
  if [ $rc = 0 ]; then echo "PASS $boot.$one ($(($(date +%s) - begun)) s)"; else echo "FAIL $boot.$one ($(($(date +%s) - begun)) s)"; bad=$((bad + 1)); fi
done
cp -r /run/node /out/node 2>/dev/null
exit $bad
