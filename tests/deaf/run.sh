#!/bin/sh
# run.sh SERVER TEST: runs test_fresh against a server that hears of no change (see inotify.c). The test passes only where
# nothing is cached, or where it can't see what is stale; so it has to fail, and for that reason. Where watches run out, it
# has to pass.
set -u

export PRONTO=$1 CMOCKA_MESSAGE_OUTPUT=TAP
name=$(basename "$2")

fail() {
    printf '%s\n' "$output" >&2
    echo "$name $*" >&2
    exit 1
}

echo "testing that $name fails without watches, and passes with too few"
output=$("$2" 2>&1) && fail 'passes, though the server hears of no change'
case $output in
*'stale answer'*) ;;
*) fail 'fails without a watch, but not because of a stale answer' ;;
esac

for watches in 0 7; do
    output=$(PRONTO_WATCHES=$watches PRONTO_FRESH_CHANGES=1000 "$2" 2>&1) || fail "fails with $watches watches"
done
