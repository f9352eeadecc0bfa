#!/bin/bash
# boot.sh - boot Xen + dom0 under QEMU TCG, run one command in dom0, return its exit status.
#   boot.sh [-p PAYLOADDIR] [-o OUTDIR] [-t SECONDS] [-b BOOT_SECONDS] [-m QEMU_MEM] [-d DOM0_MEM] [-x "extra xen opts"] [-k "extra dom0 opts"] [-i EXTRA.cpio] [-v] -- CMD...
# PAYLOADDIR appears in dom0 as /payload (cwd of CMD), OUTDIR as /out (writable), images/ as /images (all virtio-9p).
# OUTDIR receives console.log, cmd.log, rc, dom0-dmesg.log, xl-dmesg.log, xenlogs/.
# Exit status: CMD's own; 124 = timeout; 125 = the lab did not get as far as running CMD.
set -u
IMG=$VS_XEN_IMAGES
pay=""; out=""; to=300; bto=90; mem=3G; d0=1G; xx=""; kk=""; ii=(); verbose=0
while getopts "p:o:t:b:m:d:x:k:i:v" o; do case $o in p) pay=$OPTARG;; o) out=$OPTARG;; t) to=$OPTARG;; b) bto=$OPTARG;; m) mem=$OPTARG;; d) d0=$OPTARG;; x) xx=$OPTARG;; k) kk=$OPTARG;; i) ii+=("$OPTARG");; v) verbose=1;; *) exit 2;; esac; done
shift $((OPTIND-1))
tmp=$(mktemp -d); qpid=""
# Whatever ends us, QEMU goes, too.
trap '[ -z "$qpid" ] || kill "$qpid" 2>/dev/null; rm -rf "$tmp"' EXIT
[ -n "$pay" ] || { pay=$tmp/pay; mkdir -p "$pay"; }; [ -n "$out" ] || { out=$tmp/out; }
mkdir -p "$out"; rm -f "$out"/{rc,cmd.log,console.log}; printf '%s\n' "$*" > "$out/.cmd"
rd=$IMG/dom0.cpio; if [ ${#ii[@]} -gt 0 ]; then cat "$rd" "${ii[@]}" > "$tmp/rd"; rd=$tmp/rd; fi
sh(){ echo "local,path=$1,mount_tag=$2,security_model=none,multidevs=remap${3:-}"; }
# -smap is REQUIRED with QEMU 7.2 TCG: IRET executed at CPL3 by a PV kernel is done with supervisor accesses and takes a bogus SMAP #PF.
# -xsave is REQUIRED too: with XSAVE exposed, guest SIMD registers get corrupted as soon as several domains run (test: stress).
CPU=${VS_XEN_CPU:-max,-smap,-xsave}; MACHINE=${VS_XEN_MACHINE:-q35}
t0=$(date +%s.%N)
# One retry, and only for a boot that never reached the command (a lost boot cannot hide a test failure).
for try in 1 2; do
  rm -f "$out"/{rc,cmd.log}; : > "$out/console.log"; bt=$(date +%s); booted=0
  timeout -k 5 "$to" nice -n "${VS_XEN_NICE:-5}" qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot -monitor none \
    -accel ${VS_XEN_ACCEL:-tcg,thread=multi,tb-size=512} -cpu "$CPU" -M "$MACHINE" -smp ${VS_XEN_SMP:-2} -m "$mem" -serial stdio \
    -kernel "$IMG/xen" -append "console=com1 com1=115200,8n1 dom0_mem=$d0,max:$d0 dom0_max_vcpus=2 sched=credit2 ${VS_XEN_XENOPTS:-} $xx" \
    -initrd "$IMG/vmlinux console=hvc0 quiet loglevel=4 mitigations=off apparmor=0 audit=0 $kk,$rd" \
    -virtfs "$(sh "$IMG" images ,readonly=on)" -virtfs "$(sh "$pay" payload ,readonly=on)" -virtfs "$(sh "$out" out)" \
    < /dev/null > "$out/console.log" 2>&1 &
  qpid=$!; tpid=""
  if [ $verbose = 1 ]; then tail --pid=$qpid -n +1 -f "$out/console.log" & tpid=$!; fi
  while kill -0 $qpid 2>/dev/null; do
    if [ $booted = 0 ]; then
      if grep -qa 'LAB: BEGIN' "$out/console.log"; then booted=1
      elif [ $(( $(date +%s) - bt )) -ge "$bto" ]; then echo "boot.sh: no dom0 command prompt after ${bto}s (try $try)" >&2; kill $qpid; break; fi
    fi; sleep 0.5; done
  wait $qpid; q=$?; [ -n "$tpid" ] && wait $tpid 2>/dev/null
  grep -qa 'LAB: BEGIN' "$out/console.log" && break
  cp "$out/console.log" "$out/console.failed-boot-$try.log"
done
wall=$(awk -v a="$t0" -v b="$(date +%s.%N)" 'BEGIN{printf "%.1f", b-a}')
if [ -s "$out/rc" ]; then rc=$(cat "$out/rc"); elif [ $q = 124 ] || [ $q = 137 ]; then rc=124; else rc=125; fi
[ $verbose = 1 ] || { [ -s "$out/cmd.log" ] && cat "$out/cmd.log"; }
[ "$rc" = 125 ] && { echo "boot.sh: lab failed (qemu exit $q); last console lines:"; tail -25 "$out/console.log"; }
qpid=""; echo "boot.sh: rc=$rc wall=${wall}s $(grep -ao 'LAB: BEGIN.*' "$out/console.log" | head -1)" >&2
exit "$rc"
