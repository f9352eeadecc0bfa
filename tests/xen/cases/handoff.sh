# Two vsmgrd of this dom0, each with backends of its own, hand a PVH domU to each other while it asks: once as it runs, and back while its
# memory is copied in a live migration on this host.
at_beta() { VSCTL_SOCKET=/run/beta/vsmgrd.sock "$@"; }
guest pvh1 pvh 176 'uuid="11111111-2222-3333-4444-555555555555"'
check "pvh1 boots" boots pvh1
check "pvh1 is bound" within 60 is_state binding pvh1-dns Bound
kill -TERM $MANAGER
check "vsmgrd ends" within 60 sh -c '! pidof vsmgrd >/dev/null'
check "and comes again as a node with a peer" manager_up $(node_options alpha 8443 beta 8444)
vsmgrd --state-dir /run/beta-state --run-dir /run/beta $(node_options beta 8444 alpha 8443) >/out/beta.log 2>&1 &
beta=$!
check "which is there, too" within 60 at_beta sh -c 'vsctl get domains >/dev/null 2>&1'
awk 'BEGIN { RS = "---\n" } /\nkind: (Service|AccessPolicy)\n/ { print "---"; print }' policy.yaml >/run/node/services.yaml
at_beta vsctl apply --no-wait -f /run/node/services.yaml >/run/node/beta 2>&1
check "with the same service and policy" [ $? = 0 ]
check "pvh1 is bound as before" within 60 is_state binding pvh1-dns Bound

tell pvh1 'names 1000 handed enough'; names=$N
check "lookups are under way" within 300 progress_is_past pvh1 handed 60
# An emulated processor may not freeze in time: then it is served where it is, and asked again.
check "it is handed over" within 120 sh -c 'vsctl migrate start pvh1 --to beta >>/run/node/there 2>&1'
check "beta serves it" within 60 at_beta is_state binding pvh1-dns Bound
check "alpha does not declare it any more" within 60 sh -c '! vsctl get domain pvh1 >/dev/null 2>&1'
there=$(progress pvh1 handed)
check "lookups go on there" within 300 progress_is_past pvh1 handed $((there + 100))
check "in a session of beta's" within 30 at_beta has_sessions pvh1-dns 1

printf '#!/bin/sh\nshift; exec /bin/sh -c "$*"\n' >/run/fakessh; chmod +x /run/fakessh
before=$(domid pvh1)
xl migrate -s /run/fakessh pvh1 localhost >/run/node/migrate.log 2>&1 &
moving=$!
check "the guest begins to move" within 60 sh -c '[ "$(xl list | grep -c pvh1)" = 2 ]'
check "beta gives it back meanwhile" within 120 at_beta sh -c 'vsctl migrate start pvh1 --to alpha >>/run/node/back 2>&1'
wait $moving
check "the guest has moved" [ $? = 0 ]
check "it is another domain" [ "$(domid pvh1)" != "$before" ]
check "alpha serves it" within 60 is_state binding pvh1-dns Bound
back=$(progress pvh1 handed)
check "lookups go on here" within 300 progress_is_past pvh1 handed $((back + 100))
check "beta has nothing of it" sh -c '! VSCTL_SOCKET=/run/beta/vsmgrd.sock vsctl get domain pvh1 >/dev/null 2>&1'
xenstore-write "/local/domain/$(domid pvh1)/data/enough" 1
check "lookups end" ends 400 pvh1 $names
check "all answers are right" [ "$(result pvh1 $names)" = 0 ]
say "$(output pvh1 $names | grep '^names:')"
kill -INT $beta
wait $beta
check "beta ends well" [ $? = 0 ]
check "nothing of the old domain stays" within 5 no_ghosts
tell pvh1 'names 20 after'
check "alpha serves it still" ends 300 pvh1 $N
check "rightly" data_has pvh1 after right=20
[ $FAILS = 0 ] || { cat /run/node/there /run/node/back /run/node/migrate.log; console pvh1 40
  tail -n 30 /out/beta.log; xl list; xenstore-ls "/local/domain/$(domid pvh1)/vservice"; }
