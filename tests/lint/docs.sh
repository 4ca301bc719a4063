#!/bin/sh
# docs.sh PRINTER write|check: what documents have from tables. docs/options.md is the option table; in others, the text
# between marks such as "<!-- help -->" and "<!-- /help -->" is what the printer prints for that name.
set -eu
cd "$(dirname "$0")/../.."
printer=$1 mode=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# fill DOCUMENT NAME [FENCE]: the document with what is printed for NAME between its marks, within lines of FENCE.
fill() {
    "$printer" "$2" > "$work/printed"
    awk -v name="$2" -v fence="${3:-}" -v printed="$work/printed" '
    $0 == "<!-- " name " -->" {
        print
        if (fence != "") print fence "text"
        while ((getline line < printed) > 0) print line
        if (fence != "") print fence
        inside = found = 1
    }
    $0 == "<!-- /" name " -->" { inside = 0 }
    !inside { print }
    END { exit !found }
    ' "$1" || { echo "$1: the marks of \"$2\" are missing" >&2; exit 1; }
}

"$printer" options > "$work/options.md"
fill README.md help '```' > "$work/README.md"
fill docs/operations.md metrics > "$work/operations.md"

for pair in options.md:docs/options.md README.md:README.md operations.md:docs/operations.md; do
    new=$work/${pair%%:*} old=${pair#*:}
    if [ "$mode" = write ]; then
        cmp -s "$new" "$old" || cp "$new" "$old"
    elif ! diff -u "$old" "$new"; then
        echo "$old is not what the tables say: make docs"
        exit 1
    fi
done
