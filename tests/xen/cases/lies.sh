# What a guest writes into xenstore is not what it should be: its device is closed, in words, and everything else goes on.
guest web1 pv
check "web1 boots" boots web1
check "web1 is bound" within 60 is_state binding web1-dns Bound
id=$(domid web1); home=/local/domain/0/backend/vservice/$id
says() { # NODE TEXT : the backend closed the node, with an error that has the text
  [ "$(xenstore-read $home/$1/state 2>/dev/null)" = 6 ] || return 1
  case "$(xenstore-read $home/$1/error 2>/dev/null)" in *"$2"*) return 0 ;; esac
  return 1
}
# WHAT NODE TEXT KEY=VALUE... : told together, as they do not touch each other; what becomes of each is looked at afterwards.
lies=
lie() {
  local node=$2
  lies="$lies
$2|$1: $3|$3"
  shift 3
  for pair in "$@"; do commands="$commands; w $node/${pair%%=*} ${pair#*=}"; done
}
commands='w() { xenstore-write device/vservice/$1 $2; }'
lie "no nonce" 4012 "nonce: missing" device=dns state=3
lie "no device" 4001 "device: missing" nonce=4001 state=3
lie "no channel" 4002 "event-channel: missing" nonce=4002 device=dns directory-ref=8 state=3
lie "a channel that is no number" 4003 "event-channel: not a number" nonce=4003 device=dns directory-ref=8 event-channel=x state=3
lie "a channel out of range" 4004 "event-channel: not a number" nonce=4004 device=dns directory-ref=8 event-channel=99999999999 state=3
lie "a channel of another node" 4005 "event-channel: not the number of the node" nonce=4005 device=dns directory-ref=8 event-channel=4 state=3
lie "a channel that is closed" 4006 "not open to us" nonce=4006 device=dns directory-ref=8 event-channel=4006 state=3
lie "a reference that is no number" 4007 "directory-ref: not a number" nonce=4007 device=dns directory-ref=eight event-channel=4007 state=3
lie "no reference" 4008 "directory-ref: missing" nonce=4008 device=dns event-channel=4008 state=3
lie "a state that is no number" 4009 "state: not a number" nonce=4009 device=dns state=three
lie "a jump to connected" 4010 "state 4: not the next one" nonce=4010 device=dns directory-ref=8 event-channel=4010 state=4
lie "a state that there is not" 4011 "state 9: not the next one" nonce=4011 device=dns directory-ref=8 event-channel=4011 state=9
tell web1 "$commands"
check "they are told" ends 240 web1 $N
check "all of them" [ "$(result web1 $N)" = 0 ]
while IFS='|' read -r node what text; do
  [ -z "$node" ] || check "$what" within 30 says "$node" "$text"
done <<END
$lies
END
[ $FAILS = 0 ] || xenstore-ls $home
tell web1 "evil refs"; ends 240 web1 $N
check "pages that are not granted, or of another size, are refused: $(output web1 $N)" [ "$(result web1 $N)" = 0 ]
tell web1 'for n in 4001 4002 4003 4004 4005 4006 4007 4008 4009 4010 4011 4012; do xenstore-rm device/vservice/$n; done'
ends 120 web1 $N
check "a Warning says so" within 60 sh -c "vsctl get warnings | grep -q 'Misbehaviour.*does not keep to the protocol'"
tell web1 'getent ahosts h9.lab.test'
check "names are resolved all the same" ends 120 web1 $N
check "rightly" output_has web1 $N 10.1.0.9
check "the backend is the same" grep -qv 'backend.lost' /out/vsmgrd.log
