# A PVH domU migrates alive, on this host, in the middle of lookups: 1,000 at least, some before, some while, and some after it moves.
guest pvh1 pvh 176 'uuid="11111111-2222-3333-4444-555555555555"'
check "pvh1 boots" boots pvh1
check "pvh1 is bound" within 60 is_state binding pvh1-dns Bound
printf '#!/bin/sh\nshift; exec /bin/sh -c "$*"\n' >/run/fakessh; chmod +x /run/fakessh
tell pvh1 'names 1000 moved enough'; names=$N
check "lookups are under way" within 300 progress_is_past pvh1 moved 100
before=$(domid pvh1)
xl migrate -s /run/fakessh pvh1 localhost >/run/node/migrate.log 2>&1
check "it has migrated" [ $? = 0 ]
check "it is another domain" [ "$(domid pvh1)" != "$before" ]
check "lookups go on there" within 120 progress_is_past pvh1 moved 100
there=$(progress pvh1 moved)
check "a hundred more" within 300 progress_is_past pvh1 moved $((there + 100))
xenstore-write "/local/domain/$(domid pvh1)/data/enough" 1
check "lookups end" ends 400 pvh1 $names
check "all answers are right" [ "$(result pvh1 $names)" = 0 ]
check "1,000 at least" progress_is_past pvh1 moved 1000
say "$(data pvh1 moved)"
tell pvh1 'dmesg | grep -c "kernel BUG"'
check "its kernel is unharmed" ends 120 pvh1 $N
check "not one BUG" [ "$(output pvh1 $N)" = 0 ]
check "nothing of the old domain stays" within 5 no_ghosts
[ $FAILS = 0 ] || { data pvh1 moved; xl list; xl vcpu-list; tail -5 /run/node/migrate.log; console pvh1 40; }
