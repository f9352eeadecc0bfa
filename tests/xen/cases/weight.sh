# What was promised to a domU is kept though its own virtual CPU hardly ever runs: the node serves it on the node's time.
# Two domUs share one processor; one has a sixteenth of the other's weight, and the other burns all it gets. Both ask the same.
guest web1 pv; guest web3 pv
check "web1 boots" boots web1
check "web3 boots" boots web3
terms() { # DOMAIN SLA
  printf 'apiVersion: vservices/v1\nkind: Binding\nmetadata: {name: %s-dns}\nspec: {domain: %s, service: dns, device: dns%s}\n---\n' "$1" "$1" "$2"
}
promise() { { terms web1 "$1"; terms web3 "$2"; } | vsctl apply --no-wait -f - >/run/node/promise 2>&1; }
seconds() { xl list "$1" | awk 'NR == 2 { print $NF }'; }
live() { vsctl get binding "$1-dns" -o jsonpath="{.status.live.classes[0].$2}" 2>/dev/null; }
asked() { [ "$(live "$1" requests)" -ge "$2" ] 2>/dev/null; }
at_most() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a != "" && b != "" && a + 0 <= b + 0) }'; }
kept() { vsctl get binding web1-dns -o json | tr -d ' \n' | grep -q '"reason":"Kept"'; }

check "one is guaranteed, the other is not" promise ', sla: {class: guaranteed, rate: 1000, objectives: {latencyP99: 10s, availability: 99%}}' ', sla: {class: bestEffort}'
xl vcpu-pin web1 0 1 all; xl vcpu-pin web3 0 1 all
xl sched-credit2 -d web1 -w 16; xl sched-credit2 -d web3 -w 256
check "its weight is low" [ "$(xl sched-credit2 -d web1 | awk 'NR == 2 { print $3 }')" = 16 ]
tell web3 'while :; do :; done & echo $! >/run/hog'
check "the other burns" ends 60 web3 $N
low_before=$(seconds web1); high_before=$(seconds web3)
tell web3 'names 40'; high=$N
tell web1 'names 40'; low=$N
check "both have their answers" ends 120 web3 $high
check "the one that hardly ever runs, too" ends 240 web1 $low
check "all are right" [ "$(result web1 $low)$(result web3 $high)" = 00 ]
low_used=$(awk -v a="$(seconds web1)" -v b="$low_before" 'BEGIN { print a - b }')
high_used=$(awk -v a="$(seconds web3)" -v b="$high_before" 'BEGIN { print a - b }')
check "it ran a quarter of the other's time at most ($low_used s, $high_used s)" at_most "$(awk -v a="$low_used" 'BEGIN { print 4 * a }')" "$high_used"
check "what it asked is judged" asked web1 40
check "and what the other asked" asked web3 40
of_low=$(live web1 latency.p50Us); of_high=$(live web3 latency.p50Us)
check "it is served as the other is ($of_low us, $of_high us)" at_most "$of_low" "$(awk -v a="$of_high" 'BEGIN { print 4 * a }')"
check "nothing of it is shed, nothing fails" [ "$(live web1 shed)$(live web1 failed)" = 00 ]
check "its objectives are kept" within 60 kept
awk -v a="$of_low" -v b="$of_high" 'BEGIN { if (a > 0 && b > 0) printf "  ratio served at low weight / at high weight: %.2f (%s / %s)\n", a / b, a, b }'
tell web3 'kill $(cat /run/hog)'
check "the other rests" ends 60 web3 $N
xl sched-credit2 -d web1 -w 256
xl vcpu-pin web1 0 all all; xl vcpu-pin web3 0 all all
check "nothing is promised any more" promise '' ''
[ $FAILS = 0 ] || { console web1; console web3; cat /run/node/promise; vsctl describe binding web1-dns; vsctl describe binding web3-dns; }
