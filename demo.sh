#!/usr/bin/env bash
# The main job, end to end: programs in a guest that has no network resolve names through a VService.
#
#   ./demo.sh          installs what it needs, builds, shows it, and leaves nothing running
#   ./demo.sh --keep   the same, but leaves the node up and says what to try next
#   ./demo.sh --stop   ends a node that --keep left
set -euo pipefail
cd "$(dirname "$0")"

usage() { sed -n '2,/^set /p' "$0" | sed -e '/^set /d' -e 's/^# \{0,1\}//'; }

keep=
stop=
case ${1-} in
  '') ;;
  --keep) keep=1 ;;
  --stop) stop=1 ;;
  -h | --help) usage; exit 0 ;;
  *) echo "demo.sh: unknown option $1" >&2; usage >&2; exit 2 ;;
esac

[ "$EUID" -eq 0 ] || exec sudo "$0" "$@"

node=/run/vservices-demo # short: the path of a unix socket is
port=5300                # as policies/demo.yaml says
nats_port=5322           # and one for MQTT
mqtt_port=5383
bin=$PWD/build/normal/bin

end_process() { # FILE SIGNAL: ends the process whose number stands in FILE, and waits until it is gone
  local pid
  [ -e "$1" ] || return 0
  pid=$(cat "$1")
  kill "-$2" "$pid" 2>/dev/null || return 0
  wait "$pid" 2>/dev/null || true # ours: gone now; another shell's: looked for below
  for _ in $(seq 200); do
    kill -0 "$pid" 2>/dev/null || return 0
    sleep 0.05
  done
  echo "demo: process $pid did not end; killing it" >&2
  kill -KILL "$pid"
}

stop_two_nodes() {
  end_process "$node/alpha/vsmgrd.pid" INT
  end_process "$node/beta/vsmgrd.pid" INT
  end_process "$node/nats.pid" TERM
}

stop_node() {
  end_process "$node/vsmgrd.pid" INT # with its backends
  stop_two_nodes
  end_process "$node/dnsmasq.pid" TERM
  rm -rf "$node"
}

if [ -n "$stop" ]; then
  [ -d "$node" ] || { echo "demo.sh: no node is running" >&2; exit 1; }
  stop_node
  echo "demo: stopped"
  exit 0
fi
if [ -d "$node" ]; then
  echo "demo.sh: $node exists: a node is running, or was not cleared away; ./demo.sh --stop ends it" >&2
  exit 1
fi

. packaging/install.sh
need_tree_for_guests
install_packages packaging/packages.txt
if [ ! -e build/normal/build.ninja ] || ! ninja -C build/normal -n vsctl 2>/dev/null | grep -q 'no work to do'; then
  echo "building ..."
fi
mkdir -p build
cmake --preset normal >build/normal.configure.log 2>&1 || { cat build/normal.configure.log; exit 1; }
ninja -C build/normal vsmgrd vsbackend vsctl vs_client nss_vservice channel >build/normal.build.log 2>&1 ||
  { tail -n 60 build/normal.build.log; exit 1; }

failed() {
  echo "demo: FAILED at line $1" >&2
  tail -n 20 "$node/vsmgrd.log" >&2 2>/dev/null || true
}
trap 'failed $LINENO' ERR
trap 'stop_node' EXIT
mkdir -m 0755 "$node"
export VSCTL_SOCKET=$node/vsmgrd.sock
PATH=$bin:$PATH

say() { printf '\n\033[1m# %s\033[0m\n' "$*"; }
[ -t 1 ] || say() { printf '\n# %s\n' "$*"; }
show() { # COMMAND...: prints it, runs it, shows a status that is not 0
  local word line='$'
  for word in "$@"; do
    case $word in
      *[!A-Za-z0-9_./:=-]*) line+=" '$word'" ;; # readable, and can be pasted
      *) line+=" $word" ;;
    esac
  done
  printf '%s\n' "$line"
  local status=0
  "$@" || status=$?
  [ $status -eq 0 ] || echo "(exit status $status)"
  last_status=$status
}
expect() { # STATUS
  [ "$last_status" -eq "$1" ] || { echo "demo: expected exit status $1" >&2; return 1; }
}
until_true() { # COMMAND...: tries for some seconds
  for _ in $(seq 200); do
    "$@" >/dev/null 2>&1 && return 0
    sleep 0.05
  done
  echo "demo: gave up waiting for: $*" >&2
  return 1
}

say "A nameserver on 127.0.0.1:$port: a small zone of its own, the host's resolvers behind it"
if grep -qi ":$(printf %04X $port) " /proc/net/udp; then
  echo "demo.sh: port $port is in use on this machine; the demo's nameserver needs it" >&2
  exit 1
fi
dnsmasq --keep-in-foreground --conf-file=/dev/null --pid-file= --user=nobody --port=$port \
  --listen-address=127.0.0.1 --bind-interfaces --no-hosts --cache-size=0 --local=/demo.test/ \
  --host-record=web.demo.test,192.0.2.10,2001:db8::10 --host-record=v4.demo.test,192.0.2.11 \
  --cname=www.demo.test,web.demo.test >"$node/dnsmasq.log" 2>&1 &
echo $! >"$node/dnsmasq.pid"
until_true grep -qi ":$(printf %04X $port) " /proc/net/udp
echo "dnsmasq $(dnsmasq --version | sed -n 's/Dnsmasq version \([^ ]*\).*/\1/p')," \
  "zone demo.test, $(grep -c '^nameserver' /etc/resolv.conf 2>/dev/null || true) resolver(s) behind it"

say "The control plane on a fresh state directory; it starts vsbackend for dns when a policy asks for it"
vsmgrd --state-dir "$node/state" --run-dir "$node" --log-level info >"$node/vsmgrd.log" 2>&1 &
echo $! >"$node/vsmgrd.pid"
until_true vsctl version
show vsctl apply -f policies/demo.yaml
expect 0

say "Unmodified programs in web1: no network but a loopback that is down, and no way out but the VService"
show vsctl run web1 -- cat /proc/net/dev
expect 0
show vsctl run web1 -- getent hosts web.demo.test
expect 0
show vsctl run web1 -- getent ahosts web.demo.test
expect 0
show vsctl run web1 -- getent ahosts www.demo.test
expect 0
show vsctl run web1 -- python3 -c 'import socket; print(sorted({a[4][0] for a in socket.getaddrinfo("www.demo.test", 80)}))'
expect 0
show vsctl run web1 -- perl -e '@h = gethostbyname("v4.demo.test"); print "$h[0] ", join(".", unpack("C4", $h[4])), "\n"'
expect 0
show vsctl run web1 -- getent ahosts no-such-name.demo.test
expect 2

say "web2 asks the same, and is refused"
show vsctl run web2 -- getent ahosts web.demo.test
expect 2
show vsctl explain web2 dns
expect 1

say "What is bound, and what moved"
refusals_moved() { vsctl metrics vservices_opens_refused_total | grep -q 'domain="web2".* [1-9]'; }
until_true refusals_moved # counters are told a few times a second
show vsctl metrics vservices_dns_answers_total
expect 0
show vsctl metrics vservices_opens_refused_total
expect 0
show vsctl get bindings
expect 0

say "Two more nodes, alpha and beta, and a NATS server between them that also speaks MQTT"
cat >"$node/nats.conf" <<END
server_name: between
listen: "127.0.0.1:$nats_port"
jetstream { store_dir: "$node/jetstream" }
mqtt { host: "127.0.0.1", port: $mqtt_port }
END
nats-server -c "$node/nats.conf" >"$node/nats.log" 2>&1 &
echo $! >"$node/nats.pid"
until_true grep -q 'Server is ready' "$node/nats.log"
grep -o 'Listening for.*' "$node/nats.log"
on() { VSCTL_SOCKET=$node/$1/vsmgrd.sock vsctl "${@:2}"; } # NODE ARGUMENT...
for name in alpha beta; do
  mkdir -m 0755 "$node/$name"
  vsmgrd --state-dir "$node/$name/state" --run-dir "$node/$name" --node-name "$name" \
    --engine "hub=nats,server=nats://127.0.0.1:$nats_port" >"$node/$name/vsmgrd.log" 2>&1 &
  echo $! >"$node/$name/vsmgrd.pid"
  until_true on "$name" version
  show on "$name" apply -f policies/two-nodes.yaml
  expect 0
done
engine_connected() { on "$1" channel ls "$2" | grep -q ' connected'; } # NODE BINDING
until_true engine_connected alpha sensor-bus
until_true engine_connected beta screen-bus

say "A sensor on alpha publishes; a screen on beta and an MQTT client outside hear it"
on beta run screen -- "$bin/channel" sub 'room.>' '' 1 >"$node/screen.log" 2>&1 &
screen=$!
stdbuf -oL mosquitto_sub -h 127.0.0.1 -p $mqtt_port -t 'demo/room/#' -q 0 -C 1 -W 60 -v -d >"$node/outside.log" 2>&1 &
outside=$!
until_true grep -q subscribed "$node/screen.log"
until_true grep -qi SUBACK "$node/outside.log"
subscribed_once() { on beta channel ls screen-bus | grep -q ' 1 patterns'; }
until_true subscribed_once
show on alpha run sensor -- "$bin/channel" pub room.north 21
expect 0
wait "$screen"
wait "$outside"
echo "screen on beta:         $(grep '^room' "$node/screen.log")"
echo "mosquitto_sub outside:  $(grep '^demo/' "$node/outside.log")"
grep -q '^room.north 1 21$' "$node/screen.log"
grep -q '^demo/room/north 21$' "$node/outside.log"

say "The server is gone: a sensor that must be heard waits; it is back: nothing was lost"
on beta run screen -- "$bin/channel" sub 'alarm.>' '' 1 >"$node/alarm.log" 2>&1 &
screen=$!
until_true grep -q subscribed "$node/alarm.log"
end_process "$node/nats.pid" KILL
on alpha run sensor -- "$bin/channel" pub alarm.fire cellar &
sensor=$!
alarm_waits() { on alpha channel ls sensor-bus | grep -q '1 not stored yet'; }
until_true alarm_waits
show on alpha channel ls sensor-bus
expect 0
nats-server -c "$node/nats.conf" >>"$node/nats.log" 2>&1 &
echo $! >"$node/nats.pid"
wait "$sensor"
wait "$screen"
echo "screen on beta:         $(grep '^alarm' "$node/alarm.log")"
grep -q '^alarm.fire 1 cellar$' "$node/alarm.log"
stop_two_nodes

trap - ERR
if [ -n "$keep" ]; then
  trap - EXIT
  cat <<END

The node is up. Try:
  export VSCTL_SOCKET=$VSCTL_SOCKET PATH=$bin:\$PATH
  vsctl run web1 -- getent ahosts web.demo.test
  vsctl run web1 -- bash
  vsctl describe binding web1-dns
  vsctl get bindings -o yaml
  tail $node/vsmgrd.log
  ./demo.sh --stop
END
else
  stop_node
  trap - EXIT
fi
echo
echo "demo: ok"
