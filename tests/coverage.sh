#!/bin/sh
# coverage.sh BUILD "FLOOR ...": prints which lines and branches the tests have reached in a build with COVERAGE=1, by
# floor and for each file of src/http, and what they have not reached there.
set -eu
cd "$(dirname "$0")/.."
build=$1 floors=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The side of a CHECK() that aborts is not to be reached.
report() {
    gcovr --root . --exclude-lines-by-pattern '\s*CHECK\(.*' --object-directory "$build/obj" "$@" 2> "$work/errors" ||
        { cat "$work/errors" >&2; exit 1; }
}
report --filter src/ --filter include/ --csv > "$work/files.csv"

awk -F, -v floors="$floors" '
function row(name) {
    printf "%-24s %5d of %5d  %5.1f %%  %5d of %5d  %5.1f %%\n", name, lines_hit[name], lines[name],
        percent(lines_hit[name], lines[name]), branches_hit[name], branches[name],
        percent(branches_hit[name], branches[name])
}
function percent(hit, all) { return all > 0 ? 100 * hit / all : 100 }
function add(name) {
    lines[name] += $2; lines_hit[name] += $3; branches[name] += $5; branches_hit[name] += $6
}
NR == 1 { next }
{ split($1, path, "/"); add(path[2]); add("all") }
path[1] == "src" && path[2] == "http" { add($1); files[++count] = $1 }
END {
    printf "%-24s %24s  %24s\n", "", "lines", "branches"
    floor_count = split(floors, floor, " ")
    for (i = 1; i <= floor_count; i++)
        row(floor[i])
    row("all")
    print ""
    for (i = 1; i <= count; i++)
        row(files[i])
}' "$work/files.csv"

echo
# gcovr's columns: file, lines or branches, reached ones, share, and the numbers of the lines that are not.
missed() {
    awk '/^src/ && NF == 5 { printf "  %-24s %s\n", $1, $5; any = 1 } END { if (!any) print "  none" }'
}
echo "src/http, lines not reached:"
report --filter src/http/ | missed
echo "src/http, lines of which not all branches were taken:"
report --filter src/http/ --branches | missed
