# A guest with a stock kernel, a shell and a Python, and none of our files, mounts its services and asks them.
TREE=/images/python.cpio PLAIN=1 guest plain pv
check "plain boots" boots plain
check "its files are bound" within 60 is_state binding plain-files Bound
asks() { # WHAT COMMAND TEXT : the command's output has the text
  tell plain "$2"
  ends 120 plain $N
  check "$1" output_has plain $N "$3"
  [ "$FAILS" = 0 ] || output plain $N
}
asks "nothing of ours is in it" 'find / -xdev -name "*vservice*" | grep -c .' 0
asks "it mounts them" 'modprobe 9pnet_xen; modprobe 9p; mkdir -p /vs && mount -t 9p -o trans=xen vservices /vs && ls /vs' dns
asks "a shell writes a name, and reads its address" 'echo h7.lab.test >/vs/dns; cat /vs/dns' 10.1.0.7
asks "on one descriptor" 'exec 3<>/vs/dns; echo h8.lab.test >&3; cat <&3' 10.1.0.8
asks "an address has a name" 'echo 10.1.0.9 >/vs/dns; cat /vs/dns' h9.lab.test
asks "a name that is none has no address" 'echo nobody.lab.test >/vs/dns; cat /vs/dns | wc -l' 0
asks "Python does, a hundred times" "python3 -c 'f = open(\"/vs/dns\", \"r+b\", 0); print(\"right\", sum(f.write(b\"h%d.lab.test\" % i) > 0 and f.read().strip() == b\"10.1.0.%d\" % i for i in range(100)))'" 'right 100'
asks "they say what they did" 'cat /vs/stats' 'clients 1'
asks "what is no question is refused" 'echo two names >/vs/dns 2>&1 || echo refused' refused
asks "nothing can be made there" 'touch /vs/new 2>&1 || echo refused' refused
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
