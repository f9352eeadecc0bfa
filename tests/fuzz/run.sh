#!/usr/bin/env bash
# Builds the fuzz targets and runs each for a while, two at a time; says what each did.
#
#   tests/fuzz/run.sh SECONDS [TARGET...]          all targets, or these
#   tests/fuzz/run.sh --keep SECONDS [TARGET...]   then adds to tests/fuzz/corpus what reached new code
#
# A target that finds something ends with a failure; the input stays in build/fuzz/found, and is replayed by
#   build/fuzz/bin/fuzz.TARGET INPUT
set -euo pipefail
cd "$(dirname "$0")/../.."

keep=
[ "${1-}" = --keep ] && { keep=1; shift; }
case ${1-} in
  '' | *[!0-9]*) sed -n '2,/^set /p' "$0" | sed -e '/^set /d' -e 's/^# \{0,1\}//' >&2; exit 2 ;;
esac
seconds=$1
shift

corpora=tests/fuzz/corpus
found=build/fuzz/found
mkdir -p "$found"
cmake --preset fuzz >build/fuzz.configure.log 2>&1 || { cat build/fuzz.configure.log; exit 1; }
ninja -C build/fuzz fuzz >build/fuzz.build.log 2>&1 || { tail -n 60 build/fuzz.build.log; exit 1; }

targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
  for source in tests/fuzz/*_fuzz.cc; do
    name=${source##*/}
    targets+=("${name%_fuzz.cc}")
  done
fi

options() { # TARGET
  if [ -e "tests/fuzz/$1.dict" ]; then echo "-dict=tests/fuzz/$1.dict"; fi
}

run() { # TARGET
  local fresh=$found/$1.corpus
  rm -rf "$fresh"
  mkdir -p "$fresh" "$corpora/$1"
  # shellcheck disable=SC2046
  "build/fuzz/bin/fuzz.$1" $(options "$1") -max_total_time="$seconds" -print_final_stats=1 -timeout=10 -rss_limit_mb=1024 \
    -artifact_prefix="$found/$1-" "$fresh" "$corpora/$1" >"$found/$1.log" 2>&1
}

stat() { sed -n "s/^stat::$2: *//p" "$found/$1.log"; }
report() { # TARGET RESULT
  printf '%-16s %10s %8s %8s %8s %8s  %s\n' "$1" "$(stat "$1" number_of_executed_units)" \
    "$(stat "$1" average_exec_per_sec)" "$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$found/$1.log" | tail -1)" \
    "$(stat "$1" new_units_added)" "$(stat "$1" peak_rss_mb)" "$2"
}

# What reaches code that nothing else reaches; the shortest of them.
minimise() { # TARGET
  local least=$found/$1.least
  rm -rf "$least"
  mkdir -p "$least"
  "build/fuzz/bin/fuzz.$1" -merge=1 -use_counters=0 "$least" "$corpora/$1" "$found/$1.corpus" >"$found/$1.merge.log" 2>&1
  rm -rf "${corpora:?}/$1"
  mv "$least" "$corpora/$1"
}

failed=0
printf '%-16s %10s %8s %8s %8s %8s\n' target execs per_s coverage new rss_mb
for ((i = 0; i < ${#targets[@]}; i += 2)); do
  pids=()
  for target in "${targets[@]:i:2}"; do
    run "$target" &
    pids+=($!)
  done
  for n in "${!pids[@]}"; do
    target=${targets[i + n]}
    if wait "${pids[n]}"; then
      report "$target" ok
      [ -z "$keep" ] || minimise "$target"
    else
      failed=1
      report "$target" FAILED
      grep -E 'check failed|runtime error|ERROR: |^SUMMARY|Test unit written' "$found/$target.log" | sed 's/^/    /' || true
    fi
  done
done
exit $failed
