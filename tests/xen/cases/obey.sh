#!/bin/sh
# In a guest: does what dom0 tells it, one command after the other (lib.sh). Goes on where it was in a domain that moved.
export PATH=/t:$PATH
n=0
while :; do
  xenstore-read data/obeys >/dev/null 2>&1 || xenstore-write data/obeys 1
  if told=$(xenstore-read data/told$n 2>/dev/null); then
    sh -c "$told" >/run/output 2>&1
    result=$?
    echo "told: $told: $result"; cat /run/output
    xenstore-write data/output$n "$(tail -c 800 /run/output)"; xenstore-write data/result$n $result
    n=$((n + 1))
  else
    usleep 200000
  fi
done
