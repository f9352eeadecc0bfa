# Figures of one run beside each other: only their ratios mean anything under emulation.
guest web1 pv
check "web1 boots" boots web1
check "web1 has devices" within 60 is_state binding web1-block Bound
tell web1 'pingpong guest'; raw=$N
timeout 200 /payload/bin/pingpong dom0 "$(domid web1)" 1000 >/run/node/raw 2>&1
check "raw page and event channel" [ $? = 0 ]
ends 60 web1 $raw
LOOK_US=4000000  # looking costs dom0 the processor that is measured
tell web1 '/t/echo block 1000 64'; block=$N
tell web1 '/t/echo spin 1000 64'; spin=$N
tell web1 '/t/echo block 500 3900'; stream=$N
id=$(domid web1)
tell web1 "vchan_pp server 0 /local/domain/$id/data/vchan"; vchan=$N
check "our echo, blocking" ends 300 web1 $block
check "our echo, spinning" ends 300 web1 $spin
check "our echo of 3,900 bytes" ends 300 web1 $stream
timeout 200 /payload/bin/vchan_pp client "$id" "/local/domain/$id/data/vchan" 300 >/run/node/vchan 2>&1
check "vchan" [ $? = 0 ]
for n in $block $spin $stream; do check "it ended well" [ "$(result web1 $n)" = 0 ]; done
# The same program and backend without Xen between them: what of it is our instructions, emulated as they are.
VSERVICE_DIRECTORY=/run/vservices/domains/here LD_LIBRARY_PATH=/payload/lib; export VSERVICE_DIRECTORY LD_LIBRARY_PATH
/payload/bin/echo block 1000 64 >/run/node/block 2>&1
check "our echo in dom0, blocking" [ $? = 0 ]
/payload/bin/echo spin 1000 64 >/run/node/spin 2>&1
check "our echo in dom0, spinning" [ $? = 0 ]
p50() { sed -n 's/.*p50=\([0-9.]*\).*/\1/p'; }
rate() { sed -n 's/.*MB\/s=\([0-9.]*\).*/\1/p'; }
ratio() { awk -v a="$2" -v b="$3" -v what="$1" 'BEGIN { if (a > 0 && b > 0) printf "  ratio %s: %.2f (%s / %s)\n", what, a / b, a, b }'; }
ratio "blocking echo / event channel" "$(output web1 $block | p50)" "$(grep mode=evtchn /run/node/raw | p50)"
ratio "spinning echo / shared page" "$(output web1 $spin | p50)" "$(grep mode=spin /run/node/raw | p50)"
ratio "blocking echo over grants / in dom0" "$(output web1 $block | p50)" "$(p50 </run/node/block)"
ratio "spinning echo over grants / in dom0" "$(output web1 $spin | p50)" "$(p50 </run/node/spin)"
ratio "stream of 3,900 bytes / vchan of 4,096" "$(output web1 $stream | rate)" "$(sed -n 's/.*size=4096 .*(\([0-9.]*\) MB.*/\1/p' /run/node/vchan)"
cat /run/node/raw /run/node/vchan /run/node/block /run/node/spin; output web1 $block; output web1 $spin; output web1 $stream
