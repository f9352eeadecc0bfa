#!/bin/bash
# Boots Xen with its control domain and guests in an emulator, our own programs inside, and runs the cases there.
#
#   tests/xen/run.sh [--keep] [--boot pv|pvh] [CASE...]
#
# Two boots: "pv" emulates with a thread for each of two processors, "pvh" one processor, because emulated SVM loses guests with
# more. Everything is emulated: no /dev/kvm, no module, nothing installed but packages; what Debian has of Xen is downloaded and
# unpacked, once. A line for each case; status 0 when all passed, 77 when this machine has no QEMU to run them.
#   --keep    keeps the logs of boots that passed, too: build/xen/out-*
#   CASE      only these (tests/xen/cases)
# VS_BUILD_DIR: the build whose programs are tested, default build/normal.
set -euo pipefail
cd "$(dirname "$0")/../.."
keep=; boots="pv pvh"; cases=()
while [ $# -gt 0 ]; do
  case $1 in
    --keep) keep=1 ;;
    --boot) boots=$2; shift ;;
    -h | --help) sed -n '2,/^set /p' "$0" | sed -e '/^set /d' -e 's/^# \{0,1\}//'; exit 0 ;;
    -*) echo "run.sh: unknown option $1" >&2; exit 2 ;;
    *) cases+=("$1") ;;
  esac
  shift
done
build=${VS_BUILD_DIR:-build/normal}
export VS_XEN_IMAGES=$PWD/build/xen/images

for program in qemu-system-x86_64 cpio depmod; do
  if ! PATH=$PATH:/usr/sbin:/sbin command -v $program >/dev/null; then
    echo "NOT RUN: no $program here (packages qemu-system-x86, cpio, kmod): nothing was tested on Xen" >&2
    exit 77
  fi
done
begun=$(date +%s)
tests/xen/images.sh build/xen/cache "$VS_XEN_IMAGES"
tests/xen/tree.sh "$build" build/xen/tree
cp build/xen/tree/{guest,python}.cpio "$VS_XEN_IMAGES/"

# Runs the cases of one boot, says how each ended, and shows all of it when one did not pass.
run_boot() { # BOOT
  local boot=$1 out=build/xen/out-$1 run=("${cases[@]}") rc=0
  [ ${#run[@]} -gt 0 ] || mapfile -t run < <(tr ' ' '\n' <"tests/xen/cases/$boot.list" | sed '/^$/d')
  [ ${#run[@]} -gt 0 ] || return 0
  rm -rf "$out"; mkdir -p "$out"
  export VS_XEN_ACCEL=tcg,thread=$([ "$boot" = pv ] && echo multi || echo single),tb-size=512
  export VS_XEN_SMP=$([ "$boot" = pv ] && echo 2 || echo 1)
  tests/xen/boot.sh -p build/xen/tree/payload -o "$out" -i build/xen/tree/node.cpio -b 400 -t "${VS_XEN_SECONDS:-1800}" \
    -- "./cases/all.sh $boot ${run[*]}" >"$out/boot.log" 2>&1 || rc=$?
  grep -aE '^(PASS|FAIL) |^  ratio ' "$out/boot.log" || true
  for one in "${run[@]}"; do
    if ! grep -qaE "^(PASS|FAIL) $boot.$one " "$out/boot.log"; then echo "FAIL $boot.$one (did not end)"; fi
  done
  if [ $rc != 0 ]; then
    cat "$out/boot.log"
  elif [ -z "$keep" ]; then
    rm -f "$out/console.log"
  fi
  return $rc
}

# Both at once: neither has work for two processors all the time. What is measured comes last in "pv", when the other has ended.
running=()
for boot in $boots; do
  run_boot "$boot" &
  running+=($!)
done
failed=0
for one in "${running[@]}"; do wait "$one" || failed=1; done
echo "tests/xen: $([ $failed = 0 ] && echo all passed || echo FAILED), $(($(date +%s) - begun)) s"
exit $failed
