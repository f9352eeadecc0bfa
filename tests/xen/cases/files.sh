# A guest with a stock kernel, a shell and a Python, and none of our files, mounts its services and asks them.
TREE=/images/python.cpio PLAIN=1 guest plain pv 192
check "plain boots" boots plain
check "its files are bound" within 60 is_state binding plain-files Bound
. ./asks.sh
[ -e /run/node/asked ] || asks_files
kill -9 "$(backend_pid dns)"
asks "the service ends and comes again: it answers" 'echo h11.lab.test >/vs/dns; cat /vs/dns' 10.1.0.11
kill -9 "$(backend_pid files)"
check "the files' own backend ends and comes again" within 60 is_state binding plain-files Bound
asks "they are mounted anew" 'umount -l /vs; for i in 1 2 3 4 5 6 7 8 9 10; do mount -t 9p -o trans=xen vservices /vs && break; sleep 2; done; echo h12.lab.test >/vs/dns; cat /vs/dns' 10.1.0.12
asks "its kernel is unharmed" 'dmesg | grep -cE "BUG|Oops"' 0
id=$(domid plain)
xl destroy plain
check "the domain is gone within a second, its pages with it" within 2 sh -c "! xl list | grep -qE '\(null\)|^plain '"
[ $FAILS = 0 ] || { xenstore-ls /local/domain/0/backend/9pfs; grep files. /out/vsmgrd.log | tail; }
