# A domU does whatever it can think of for a minute: dom0's backends, the manager and other domUs are unharmed.
. ./asks.sh
guest web1 pv
check "web1 boots" boots web1
check "web1 is bound" within 60 is_state binding web1-dns Bound
guest web3 pv
TREE=/images/python.cpio PLAIN=1 guest plain pv 192
check "web3 boots" boots web3
check "web3 is bound" within 60 is_state binding web3-dns Bound
check "plain boots" boots plain
check "its files are bound" within 60 is_state binding plain-files Bound
backend=$(backend_pid) manager=$(pidof vsmgrd)
tell web1 'evil 60'; evil=$N
tell web3 'names 100 meanwhile'; names=$N
check "web3 resolves names meanwhile" ends 400 web3 $names
check "rightly" data_has web3 meanwhile right=100
[ -e /run/node/asked ] || asks_files
check "the hostile guest ends" ends 400 web1 $evil
say "$(output web1 $evil)"
check "it got to do its worst" [ "$(result web1 $evil)" = 0 ]
check "the backend is the same" [ "$(backend_pid)" = "$backend" ]
check "the manager is the same" [ "$(pidof vsmgrd)" = "$manager" ]
check "vsctl answers" is_state binding web3-dns Bound
tell web1 'names 50 repentant'
check "the hostile guest may still resolve names" ends 400 web1 $N
check "rightly" data_has web1 repentant right=50
[ $FAILS = 0 ] || { console web1; console web3; }
