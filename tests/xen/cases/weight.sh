# What was promised to a domU is kept though its own virtual CPU hardly ever runs: the node serves it on the node's time.
# Two domUs share one processor; one has an eighth of the other's weight, and the other burns all it gets. Both ask the same.
guest web1 pv; guest web3 pv
check "web1 boots" boots web1
check "web3 boots" boots web3
terms() { # DOMAIN SLA
  printf 'apiVersion: vservices/v1\nkind: Binding\nmetadata: {name: %s-dns}\n' "$1"
  printf 'spec: {domain: %s, service: dns, device: dns, sla: {%s}}\n---\n' "$1" "$2"
}
promise() {
  { terms web1 'class: guaranteed, rate: 1000, objectives: {latencyP99: 10s, availability: 99%}'; terms web3 'class: bestEffort'; } |
    vsctl apply --no-wait -f - >/run/node/promise 2>&1
}
seconds() { output "$1" "$2" | sed -n 's/.*seconds=\([0-9.]*\).*/\1/p'; }
ratio() { awk -v a="$2" -v b="$3" -v what="$1" 'BEGIN { if (a > 0 && b > 0) printf "  ratio %s: %.2f (%s / %s)\n", what, a / b, a, b }'; }
# NAME DOMAIN [LABEL] : out of what all metrics were last, added up
value() {
  awk -v name="$1{" -v binding="binding=\"$2-dns\"" -v label="$3" '
    index($0, name) == 1 && index($0, binding) && (label == "" || index($0, label)) { sum += $NF; found = 1 }
    END { if (found) print sum }' /run/node/metrics
}
counted() { # both domains' lookups
  vsctl metrics >/run/node/metrics 2>/dev/null
  [ "$(value vservices_sla_requests_total web1)" -ge 15 ] 2>/dev/null && [ "$(value vservices_sla_requests_total web3)" -ge 15 ] 2>/dev/null
}
median_us() { # the bucket that it is in
  awk -v name="vservices_sla_duration_seconds_bucket{" -v binding="binding=\"$1-dns\"" -v n="$(value vservices_sla_duration_seconds_count "$1")" '
    index($0, name) == 1 && index($0, binding) && n > 0 && 2 * $NF >= n && match($0, /le="[0-9.e-]*"/) {
      printf "%.0f", substr($0, RSTART + 4, RLENGTH - 5) * 1e6; exit }' /run/node/metrics
}
at_most() { awk -v a="$1" -v b="$2" -v times="$3" 'BEGIN { exit !(a != "" && b != "" && a + 0 <= times * b) }'; }

check "one is guaranteed, the other is not" promise
xl vcpu-pin web1 0 1 all; xl vcpu-pin web3 0 1 all
xl sched-credit2 -d web1 -w 32
check "its weight is low" [ "$(xl sched-credit2 -d web1 | awk 'NR == 2 { print $3 }')" = 32 ]
tell web3 'while :; do :; done & echo $! >/run/hog'
tell web3 'names 15'; high=$N
tell web1 'names 15'; low=$N
check "the one that burns has its answers" ends 120 web3 $high
check "the one that hardly ever runs, too" ends 240 web1 $low
check "all are right" [ "$(result web1 $low)$(result web3 $high)" = 00 ]
tell web3 'kill $(cat /run/hog)'
xl sched-credit2 -d web1 -w 256
xl vcpu-pin web1 0 all all; xl vcpu-pin web3 0 all all
check "what both asked is counted" within 60 counted
of_low=$(median_us web1); of_high=$(median_us web3)
check "the node serves it as the other ($of_low us, $of_high us)" at_most "$of_low" "$of_high" 4
check "nothing of it is shed, nothing fails" [ "$(value vservices_sla_shed_total web1)$(value vservices_sla_failed_total web1)" = 00 ]
check "all of it is judged" at_most 15 "$(value vservices_sla_judged_total web1 'objective="p99"')" 1
check "and within its objectives" [ "$(value vservices_sla_missed_total web1)" = 0 ]
ratio "time that the guest itself takes, at low weight / at high weight" "$(seconds web1 $low)" "$(seconds web3 $high)"
ratio "the node's part of it" "$of_low" "$of_high"
[ $FAILS = 0 ] || { console web1; console web3; cat /run/node/promise; grep vservices_sla /run/node/metrics; }
