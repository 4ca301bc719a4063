#!/bin/sh
# docs.sh PRINTER write|check: the documents that come from tables. docs/options.md is the option table; in README.md, the
# text between the marks "<!-- help -->" and "<!-- /help -->" is what --help prints.
set -eu
cd "$(dirname "$0")/../.."
printer=$1 mode=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$printer" options > "$work/options.md"
"$printer" help > "$work/help"
awk -v help="$work/help" '
/^<!-- help -->$/ { print; print "```text"; while ((getline line < help) > 0) print line; print "```"; inside = 1; found = 1 }
/^<!-- \/help -->$/ { inside = 0 }
!inside { print }
END { exit !found }
' README.md > "$work/README.md" || { echo "README.md: the marks of the help text are missing"; exit 1; }

for pair in options.md:docs/options.md README.md:README.md; do
    new=$work/${pair%%:*} old=${pair#*:}
    if [ "$mode" = write ]; then
        cmp -s "$new" "$old" || cp "$new" "$old"
    elif ! diff -u "$old" "$new"; then
        echo "$old is not what the tables say: make docs"
        exit 1
    fi
done
