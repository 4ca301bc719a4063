#!/bin/sh
# throughput.sh [SECONDS [CONNECTIONS]]: loads a release build with wrk, on loopback, and prints requests per second and
# the workers' CPU time per request (from /proc/PID/schedstat); once with connections kept alive, once with a connection
# per request. wrk takes its share of the same CPUs, so the CPU time says more than the rate.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-10} connections=${2:-256}
command -v wrk > /dev/null || { echo "throughput.sh: needs wrk (make deps installs it)" >&2; exit 1; }
[ -x build/pronto ] || { echo "throughput.sh: needs build/pronto (make)" >&2; exit 1; }

work=$(mktemp -d)
build/pronto --listen 127.0.0.1:0 www 2> "$work/stderr" &
master=$!
trap 'kill "$master" 2>/dev/null || :; wait "$master" || :; rm -rf "$work"' EXIT
until grep -q listening "$work/stderr"; do
    kill -0 "$master"
    sleep 0.05
done
url=$(sed -n 's/.*\(http:[^ ]*\)/\1/p' "$work/stderr")
workers=$(cat "/proc/$master/task/$master/children")

# Nanoseconds on a CPU, of all workers.
cpu_ns() {
    for pid in $workers; do cat "/proc/$pid/schedstat"; done | awk '{ sum += $1 } END { printf "%.0f\n", sum }'
}

measure() {
    label=$1
    shift
    before=$(cpu_ns)
    wrk -t2 -c"$connections" -d"${seconds}s" "$@" "$url" > "$work/wrk"
    after=$(cpu_ns)
    awk -v label="$label" -v ns=$((after - before)) '
        /requests in/ { requests = $1 }
        /^Requests\/sec/ { rate = $2 }
        /Socket errors|Non-2xx/ { trouble = trouble " " $0 }
        END { printf "%-24s%12.0f requests/s%10.2f us CPU per request%s\n", label, rate, ns / 1000 / requests, trouble }
    ' "$work/wrk"
}

measure "kept alive"
measure "connection per request" -H "Connection: close"
