#!/bin/sh
# layers.sh FLOOR:"BELOW ..." ...: fails on an include that runs upwards through the floors, and on a cycle among modules.
# Each argument names a floor and those that it may include from, as the Makefile links them.
set -eu
cd "$(dirname "$0")/../.."

find src include -name '*.[ch]' | sort | xargs awk -v floors="$(printf '%s\n' "$@")" '
BEGIN {
    count = split(floors, lines, "\n")
    for (i = 1; i <= count; i++) {
        colon = index(lines[i], ":")
        below[substr(lines[i], 1, colon - 1)] = " " substr(lines[i], colon + 1) " "
    }
}
/^#include "/ {
    split($2, quoted, "\"")
    split(quoted[2], target, "/")
    split(FILENAME, path, "/")
    if (index(below[path[2]], " " target[1] " ") == 0) {
        print FILENAME ":" FNR ": " path[2] " must not know " quoted[2]
        bad = 1
    }
}
END { exit bad }
'

# A module is its source and its header together; tsort fails on a cycle and names it.
find src include -name '*.[ch]' | while read -r file; do
    module=$(echo "$file" | sed 's|^[a-z]*/||; s|\.[ch]$||')
    sed -n 's|^#include "\([a-z_/0-9]*\)\.h".*|\1|p' "$file" | sed "/^$(echo "$module" | sed 's|/|\\/|g')\$/d; s|^|$module |"
done | sort -u | tsort > /dev/null
