#!/bin/sh
# tidy.sh JOBS FILE ...: clang-tidy over the files; prints what it finds, and nothing where it finds nothing.
set -eu
cd "$(dirname "$0")/../.."
jobs=$1
shift
# shellcheck disable=SC2016
printf '%s\n' "$@" | xargs -P "$jobs" -n 4 sh -c '
    out=$(clang-tidy --quiet --warnings-as-errors="*" "$@" -- -std=gnu11 -D_GNU_SOURCE \
        -iquote include -iquote tests 2>/dev/null) && exit 0
    printf "%s\n" "$out"
    exit 1' sh
