# Two domUs without a network device: one resolves names by unmodified programs, the other is refused, and it is said why.
guest web1 pv; guest web2 pv
check "web1 is bound once it runs" within 60 is_state binding web1-dns Bound
check "web2 is denied" within 60 is_state binding web2-dns Denied
check "web1 boots" boots web1
check "web2 boots" boots web2
tell web1 'ls /sys/class/net'; net=$N
tell web1 'getent ahosts h7.lab.test'; one=$N
tell web1 'getent ahosts nobody.lab.test'; none=$N
tell web1 'names 1000'; all=$N
tell web2 'getent ahosts h7.lab.test'; refused=$N
check "web1 has no interface but lo" ends 60 web1 $net
check "none at all: $(output web1 $net)" [ "$(output web1 $net)" = lo ]
check "getent finds an address" ends 120 web1 $one
check "the right one" output_has web1 $one 10.1.0.7
check "getent finds no name that is none" ends 120 web1 $none
check "and says so" [ "$(result web1 $none)" = 2 ]
check "getent ends in web2" ends 120 web2 $refused
check "and finds nothing there" [ "$(result web2 $refused)" = 2 ]
vsctl explain web2 dns >/run/node/explain 2>&1
check "vsctl explain names the rule" grep -q deny-web2 /run/node/explain
check "and its reason" grep -q quarantined /run/node/explain
check "1,000 lookups end" ends 600 web1 $all
check "all 1,000 answers are right" data_has web1 names right=1000
say "$(output web1 $all | grep '^names:')"
[ $FAILS = 0 ] || { console web1; console web2; xenstore-ls "/local/domain/$(domid web1)"; }
