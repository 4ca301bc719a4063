#!/bin/sh
# run.sh SERVER TEST: runs test_fresh against a server that hears of no change. The test passes only where nothing is
# cached, or where it can't see what is stale; so it has to fail, and for that reason.
set -u

printf 'testing that %s fails without a watch\n' "$(basename "$2")"
if output=$(PRONTO=$1 CMOCKA_MESSAGE_OUTPUT=TAP "$2" 2>&1); then
    echo "$2 passes, though the server hears of no change" >&2
    exit 1
fi
case $output in
*'stale answer'*) ;;
*)
    printf '%s\n' "$output" >&2
    echo "$2 fails without a watch, but not because of a stale answer" >&2
    exit 1
    ;;
esac
