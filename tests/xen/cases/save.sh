# A domU is saved and restored in the middle of 1,000 lookups.
guest web1 pv
check "web1 boots" boots web1
check "web1 is bound" within 60 is_state binding web1-dns Bound
tell web1 'names 1000 saved'; names=$N
check "lookups are under way" within 300 progress_is_past web1 saved 200
before=$(domid web1)
xl save web1 /run/web1.sav >/run/node/save.log 2>&1
check "it is saved" [ $? = 0 ]
check "nothing of it stays mapped" within 5 no_ghosts
xl restore /run/web1.sav >/run/node/restore.log 2>&1
check "it is restored" [ $? = 0 ]
rm -f /run/web1.sav
check "as another domain" [ "$(domid web1)" != "$before" ]
check "lookups end" ends 600 web1 $names
check "all 1,000 answers are right" data_has web1 saved right=1000
tell web1 'dmesg | grep -c "kernel BUG"'
check "its kernel is unharmed" ends 120 web1 $N
check "not one BUG" [ "$(output web1 $N)" = 0 ]
tell web1 'names 50 after'
check "another program resolves names" ends 300 web1 $N
check "rightly" data_has web1 after right=50
[ $FAILS = 0 ] || { cat /run/node/save.log /run/node/restore.log; console web1 40; }
