# What a guest that has none of our files asks those that its services are. Sourced by `files`, and by `hostile`, whose minute it fills.
asks() { # WHAT COMMAND TEXT : the command's output has the text
  tell plain "$2"
  ends 120 plain $N
  check "$1" output_has plain $N "$3"
  [ "$FAILS" = 0 ] || output plain $N
}
asks_files() {
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
  touch /run/node/asked
}
