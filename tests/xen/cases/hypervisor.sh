# What vsctl shows of the domains that Xen runs.
guest web1 pv; guest stranger pv 128
check "web1 boots" boots web1
check "web1 is shown as running" within 60 is_state domain web1 Ready
check "pvh1, which does not run, is shown as such" within 60 is_state domain pvh1 Pending
xl vcpu-pin web1 0 1 0
xl sched-credit2 -d web1 -w 512
xl rename stranger known
vsctl get domains >/run/node/domains 2>&1
check "vsctl get domains lists it" grep -q '^web1 ' /run/node/domains
check "a guest that is not declared is seen" within 60 grep -q 'domain.undeclared.*name=stranger' /out/vsmgrd.log
check "and counted" within 60 sh -c '[ "$(vsctl metrics vservices_undeclared_guests | tail -n 1 | sed "s/.* //")" = 1 ]'
xl destroy known
check "until it is gone" within 60 sh -c '[ "$(vsctl metrics vservices_undeclared_guests | tail -n 1 | sed "s/.* //")" = 0 ]'
vsctl describe domain web1 >/run/node/describe 2>&1
check "vsctl describe shows its domid" grep -q "domid: $(domid web1)\$" /run/node/describe
check "its type" grep -q 'type: pv$' /run/node/describe
check "its weight" grep -q 'weight: 512$' /run/node/describe
check "its hard affinity" grep -q 'hardAffinity: .*1' /run/node/describe
check "its soft affinity" grep -q 'softAffinity: .*0' /run/node/describe
check "its cpupool" grep -q 'cpupool: Pool-0$' /run/node/describe
check "its binding" grep -q 'web1-dns.*Bound' /run/node/describe
xl vcpu-pin web1 0 all all
[ $FAILS = 0 ] || cat /run/node/domains /run/node/describe
