# A guest opens as many sessions as its kernel grants pages for: one more is refused in words, the others go on, and what ends is free again.
guest web1 pv
check "web1 boots" boots web1
check "web1 has devices" within 60 is_state binding web1-block Bound
tell web1 'cat /sys/module/xen_gntalloc/parameters/limit'
check "its kernel grants" ends 60 web1 $N
check "1,024 pages" [ "$(output web1 $N)" = 1024 ]
# Each takes a directory and a region of 76 pages.
tell web1 'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13; do /t/echo block 200000 64 >/run/echo$i 2>&1 & done; true'
check "thirteen sessions" within 120 has_sessions web1-block 13
tell web1 '/t/echo block 10 64'
check "one more ends" ends 120 web1 $N
check "for want of memory" output_has web1 $N 'Cannot allocate memory'
tell web1 'cat /run/echo*; pidof echo | wc -w'
check "the others go on" ends 60 web1 $N
check "all thirteen" [ "$(output web1 $N)" = 13 ]
tell web1 'kill -9 $(pidof echo)'
check "they are killed" ends 60 web1 $N
check "their sessions are gone" within 30 has_sessions web1-block 0
tell web1 '/t/echo block 10 64'
check "another one" ends 120 web1 $N
check "has its pages again" [ "$(result web1 $N)" = 0 ]
[ $FAILS = 0 ] || { output web1 $N; console web1 30; }
