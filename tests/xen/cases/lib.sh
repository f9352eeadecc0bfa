# What the cases have in common. Sourced by busybox's sh in dom0.
FAILS=0
T() { cut -d' ' -f1 /proc/uptime; }
say() { echo "  $* [$(T)s]"; }
check() { # WHAT COMMAND... : a line each; the case fails with one of them
  local what=$1
  shift
  if "$@"; then echo "  ok    $what [$(T)s]"; else echo "  WRONG $what [$(T)s]"; FAILS=$((FAILS + 1)); fi
}
within() { # SECONDS COMMAND... : until it holds; looks every LOOK_US
  local end=$(($(date +%s) + $1))
  shift
  until "$@"; do [ "$(date +%s)" -lt $end ] || return 1; usleep ${LOOK_US:-500000}; done
}

# ---- the node
VSCTL_SOCKET=/run/vservices/vsmgrd.sock
export VSCTL_SOCKET
node_up() { # POLICY
  mkdir -p /run/node
  if ! [ -e /run/node/hosts ]; then
    local i=0
    while [ $i -lt 1000 ]; do echo "10.1.$((i / 256)).$((i % 256)) h$i.lab.test"; i=$((i + 1)); done >/run/node/hosts
    dnsmasq --conf-file=/dev/null --pid-file=/run/node/dnsmasq.pid --user=root --port=5300 --listen-address=127.0.0.1 \
      --bind-interfaces --no-hosts --no-resolv --local=/test/ --addn-hosts=/run/node/hosts 2>/run/node/dnsmasq.log || { echo "dnsmasq does not start:"; cat /run/node/dnsmasq.log; return 1; }
  fi
  manager_up
  vsctl apply --no-wait -f "$1" >/run/node/apply.log 2>&1 || { cat /run/node/apply.log; return 1; }
}
manager_up() { # [OPTION...]
  vsmgrd --state-dir /run/state --run-dir /run/vservices --log-level "${LEVEL:-info}" "$@" >>/out/vsmgrd.log 2>&1 &
  MANAGER=$!
  within 60 sh -c 'vsctl get domains >/dev/null 2>&1'
}
# The options of one of two nodes that hand domains to each other; their certificates are the tree's.
node_options() { # NAME PORT OTHER PORT
  echo "--node-name $1 --listen 127.0.0.1:$2 --peer $3=127.0.0.1:$4 --tls-certificate /payload/certificates/$1.pem" \
    "--tls-key /payload/certificates/$1.key --tls-client-ca /payload/certificates/ca.pem"
}
backend_pid() { # [KIND]
  local pid
  for pid in $(pidof vsbackend); do
    if tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q -- "--kind ${1:-dns} "; then echo "$pid"; fi
  done
}
state_of() { vsctl get "$1" "$2" -o json 2>/dev/null | tr -d ' \n' | sed -n 's/.*"state":"\([A-Za-z]*\)".*/\1/p'; }
is_state() { [ "$(state_of "$1" "$2")" = "$3" ]; }
metric() { vsctl metrics "$1" 2>/dev/null | awk -v want="$2" 'index($0, want) { print $NF; exit }'; }

# ---- guests. A guest does what it is told: commands one after the other, each with a number.
#   guest NAME TYPE [MB] [LINE OF THE CONFIGURATION...]   starts it, unless it runs; with PLAIN, of the TREES alone, none of ours
#   tell NAME COMMAND            gives it a command; $N is its number
#   ends SECONDS NAME N          waits for its end; result NAME N and output NAME N tell what became of it
TREE="/images/guest.cpio"
guest() {
  local name=$1 type=$2 mb=${3:-128}
  [ -z "$(domid "$name")" ] || return 0
  shift 2; [ $# = 0 ] || shift
  rm -rf /run/ov; mkdir -p /run/ov/t; [ -n "$PLAIN" ] || cp /payload/bin/* /run/ov/t/; cp /payload/cases/obey.sh /run/ov/domu.sh; chmod +x /run/ov/domu.sh
  TREES="$TREE" mkdomu "$name" /run/ov "$mb" "$type" 'tsc_mode="native"' "$@"
  rm -f "/var/log/xen/console/guest-$name.log"; echo 0 >"/run/node/told-$name"
  xl create "/run/lab/$name.cfg" >/run/lab/create.log 2>&1 || { cat /run/lab/create.log; return 1; }
}
domid() { xl domid "$1" 2>/dev/null; }
data() { xenstore-read "/local/domain/$(domid "$1")/data/$2" 2>/dev/null; }
tell() {
  N=$(cat "/run/node/told-$1"); echo $((N + 1)) >"/run/node/told-$1"
  xenstore-write "/local/domain/$(domid "$1")/data/told$N" "$2"
}
has_data() { [ -n "$(data "$1" "$2")" ]; }
boots() { within 400 has_data "$1" obeys; }
ends() { within "$1" is_over "$2" "$3" && has_data "$2" "result$3"; }
is_over() { [ -z "$(domid "$1")" ] || has_data "$1" "result$2"; }  # or will never be
result() { data "$1" "result$2"; }
output() { data "$1" "output$2"; }
output_has() { case "$(output "$1" "$2")" in *"$3"*) return 0 ;; esac; return 1; }
data_has() { case "$(data "$1" "$2")" in *"$3"*) return 0 ;; esac; return 1; }
progress() { local n; n=$(data "$1" "$2" | sed -n 's/done=\([0-9]*\).*/\1/p'); echo "${n:-0}"; }
progress_is_past() { [ "$(progress "$1" "$2")" -ge "$3" ]; }
console() { sed 's/^/    | /' "/var/log/xen/console/guest-$1.log" | tail -n "${2:-20}"; }
destroy_all() { for d in $(xl list | awk 'NR > 2 { print $1 }'); do xl destroy "$d"; done; }
no_ghosts() { ! xl list | grep -q '(null)'; }
has_sessions() { [ "$(metric vservices_sessions "binding=\"$1\"")" = "$2" ]; }
