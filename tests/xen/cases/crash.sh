# The backend is killed, the manager ends and comes again, in the middle of lookups: nobody gets a wrong answer, or none.
guest web1 pv
check "web1 boots" boots web1
check "web1 is bound" within 60 is_state binding web1-dns Bound
xenstore-rm "/local/domain/$(domid web1)/data/killed" 2>/dev/null
tell web1 'names 1000 killed'
for past in 100 300; do
  check "lookups go on past $past" within 300 progress_is_past web1 killed $past
  kill -9 "$(backend_pid)"
done
check "lookups go on past 500" within 300 progress_is_past web1 killed 500
kill -TERM "$(pidof vsmgrd)"
check "the manager ends" within 60 sh -c '! pidof vsmgrd >/dev/null'
check "the manager comes again" manager_up
check "lookups end" ends 600 web1 $N
check "all 1,000 answers are right" data_has web1 killed right=1000
check "the manager finds web1 bound" within 60 is_state binding web1-dns Bound
check "nothing of dead backends stays mapped" no_ghosts
say "$(output web1 $N | grep '^names:')"
[ $FAILS = 0 ] || console web1
