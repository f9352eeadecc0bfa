# A PV and a PVH domU resolve 1,000 names each at the same time.
guest web1 pv; guest pvh1 pvh 176 'uuid="11111111-2222-3333-4444-555555555555"'
check "web1 boots" boots web1
check "pvh1 boots" boots pvh1
check "web1 is bound" within 60 is_state binding web1-dns Bound
check "pvh1 is bound, known by its UUID" within 60 is_state binding pvh1-dns Bound
tell web1 'names 1000'; pv=$N
tell pvh1 'names 1000'; pvh=$N
check "lookups end in web1" ends 900 web1 $pv
check "lookups end in pvh1" ends 900 pvh1 $pvh
check "all 1,000 answers are right in web1" data_has web1 names right=1000
check "all 1,000 answers are right in pvh1" data_has pvh1 names right=1000
[ $FAILS = 0 ] || { console web1; console pvh1; }
