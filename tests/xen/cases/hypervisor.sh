# What vsctl shows of the domains that Xen runs.
guest web1 pv; guest stranger pv 128
check "web1 boots" boots web1
check "web1 is shown as running" within 60 is_state domain web1 Ready
check "pvh1, which does not run, is shown as such" within 60 is_state domain pvh1 Pending
xl vcpu-pin web1 0 1 0
xl sched-credit2 -d web1 -w 512
xl rename stranger known
vsctl get domains >/run/node/domains 2>&1
check "vsctl get domains lists it" grep -q '^web1 ' /run/node/domains
check "a guest that is not declared is seen" within 60 grep -q 'domain.undeclared.*name=stranger' /out/vsmgrd.log
check "and counted" within 60 sh -c '[ "$(vsctl metrics vservices_undeclared_guests | tail -n 1 | sed "s/.* //")" = 1 ]'
xl destroy known
check "until it is gone" within 60 sh -c '[ "$(vsctl metrics vservices_undeclared_guests | tail -n 1 | sed "s/.* //")" = 0 ]'
vsctl describe domain web1 >/run/node/describe 2>&1
check "vsctl describe shows its domid" grep -q "domid: $(domid web1)\$" /run/node/describe
check "its type" grep -q 'type: pv$' /run/node/describe
check "its weight" grep -q 'weight: 512$' /run/node/describe
check "its hard affinity" grep -q 'hardAffinity: .*1' /run/node/describe
check "its soft affinity" grep -q 'softAffinity: .*0' /run/node/describe
check "its cpupool" grep -q 'cpupool: Pool-0$' /run/node/describe
check "its binding" grep -q 'web1-dns.*Bound' /run/node/describe
xl vcpu-pin web1 0 all all

# Where its vCPUs run is what its Domain says, whatever xl is told meanwhile.
wishes() { # VCPUS : of web1
  printf 'apiVersion: vservices/v1\nkind: Domain\nmetadata: {name: web1}\nspec: {type: xen, guest: web1%s}\n' "$1" | vsctl apply --no-wait -f - >/run/node/wishes 2>&1
}
runs_on() { # HARD SOFT : of its first vCPU
  [ "$(xl vcpu-list web1 | awk 'NR == 2 { print $(NF - 2), $(NF - 1), $NF }' | tr -d ' ')" = "$1/$2" ]
}
check "its vCPUs are put where it wishes" wishes ', vcpus: {cpus: "1"}'
check "by hard affinity" within 60 runs_on 1 1
xl vcpu-pin web1 0 0 all
check "put elsewhere, they are put back" within 60 runs_on 1 1
check "and told of" within 60 sh -c 'vsctl get warnings -o json | grep -q "its vCPUs were to run on"'
check "what the machine has not is refused" sh -c '! printf "apiVersion: vservices/v1\nkind: Domain\nmetadata: {name: web1}\nspec: {type: xen, guest: web1, vcpus: {cpus: \"7\"}}\n" | vsctl apply -f - 2>/run/node/refused'
check "with the reason" grep -q 'CPU 7 is not there (Absent)' /run/node/refused
check "it may prefer one" wishes ', vcpus: {cpus: "0", affinity: soft}'
check "by soft affinity" within 60 runs_on all 0
xl cpupool-cpu-remove Pool-0 1 && xl cpupool-create 'name="fast"' 'cpus=["1"]' >/run/node/pool 2>&1
check "there is another cpupool" [ $? = 0 ]
check "it may be of that" wishes ', vcpus: {cpupool: fast}'
check "and is moved there" within 60 sh -c 'xl list -c web1 | grep -q fast'
check "it may be of the first again" wishes ', vcpus: {cpupool: Pool-0}'
check "and is moved back" within 60 sh -c 'xl list -c web1 | grep -q Pool-0'
xl cpupool-destroy fast && xl cpupool-cpu-add Pool-0 1
check "it may wish nothing" wishes ''
xl vcpu-pin web1 0 all all
[ $FAILS = 0 ] || cat /run/node/domains /run/node/describe
