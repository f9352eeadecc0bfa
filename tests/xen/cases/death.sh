# A guest's process is killed, then the guest: what they shared is let go at once.
guest web1 pv
check "web1 boots" boots web1
check "web1 is bound" within 60 is_state binding web1-dns Bound
tell web1 'names 100000 long & usleep 300000; echo $! >/run/long; for i in 1 2 3; do [ -e /run/long ] && break; done'
check "a process looks names up" within 120 progress_is_past web1 long 20
check "its session is there" within 60 has_sessions web1-dns 1
tell web1 'kill -9 $(pidof names)'
check "it is killed" ends 120 web1 $N
check "its session is gone" within 10 has_sessions web1-dns 0
tell web1 'xenstore-ls device/vservice'
check "nothing of it stays in xenstore" ends 60 web1 $N
check "nothing at all" [ -z "$(output web1 $N)" ]
tell web1 'names 100000 again &'
check "another one looks names up" within 120 progress_is_past web1 again 20
id=$(domid web1)
xl destroy web1
check "the domain is gone within a second, its pages with it" within 2 sh -c "! xl list | grep -qE '\(null\)|^web1 '"
check "its session is gone" within 10 has_sessions web1-dns ''
check "nothing of it stays in xenstore" within 10 sh -c "! xenstore-ls /local/domain/0/backend/vservice/$id >/dev/null 2>&1"
check "its binding waits for it" within 60 is_state binding web1-dns Pending
