#!/usr/bin/env bash
# run.sh SECONDS JOBS BUILD NAME ...: runs each BUILD/fuzz/fuzz_NAME for that long, JOBS at a time, and prints a line for
# each. What they learn stays in BUILD/corpus; what breaks them goes to BUILD/found, and fails.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
seconds=$1 jobs=$2 build=$3
shift 3
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The last number behind WORD in the log.
number() {
    grep -o "$2 *[0-9][0-9]*" "$1" | tail -n 1 | grep -o '[0-9]*$'
}

fuzz() {
    local name=$1 log=$build/log/$1 status
    mkdir -p "$build/corpus/$name"
    TMPDIR=$scratch timeout -k 10 $((seconds + 120)) "$build/fuzz/fuzz_$name" -max_total_time="$seconds" -timeout=10 -max_len=2048 \
        -print_final_stats=1 -dict=tests/fuzz/http.dict -artifact_prefix="$build/found/$name-" \
        "$build/corpus/$name" "tests/fuzz/corpus/$name" > "$log" 2>&1
    status=$?
    printf '  %-11s %9s runs  %7s/s  %6s features  %5s edges\n' "$name" \
        "$(number "$log" number_of_executed_units:)" "$(number "$log" average_exec_per_sec:)" \
        "$(number "$log" ft:)" "$(number "$log" cov:)"
    [ "$status" -eq 0 ] && return 0
    tail -n 60 "$log"
    echo "fuzz_$name failed ($status), log: $log"
    sed -n "s|.*Test unit written to \(.*\)|reproduce with: $build/fuzz/fuzz_$name \1|p" "$log"
    return 1
}

mkdir -p "$build/found" "$build/log"
failed=0 running=0
for name in "$@"; do
    if [ "$running" -ge "$jobs" ]; then
        wait -n || failed=1
        running=$((running - 1))
    fi
    fuzz "$name" &
    running=$((running + 1))
done
while [ "$running" -gt 0 ]; do
    wait -n || failed=1
    running=$((running - 1))
done
exit "$failed"
