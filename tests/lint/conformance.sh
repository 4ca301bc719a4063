#!/bin/sh
# conformance.sh FILE ...: fails on a row of a table in these documents that names no test, and on a test named in them that
# is not there. Tests stand in the last cell of a row, each in backquotes: `unit/test_x: test_y` and `system/test_x: test_y` are a
# function that cmocka is given, `x.txt: name` is a conversation. What looks like one elsewhere in a document is checked, too.
set -eu
cd "$(dirname "$0")/../.."

awk '
function complain(what) {
    print FILENAME ":" FNR ": " what
    bad = 1
}

# Registered: it stands in the list that is handed to cmocka, and not only behind "static void".
function read_functions(path,    line, listed, found) {
    found = 0
    listed = 0
    while ((getline line < path) > 0) {
        found = 1
        if (match(line, /^static void test_[a-z0-9_]*\(/))
            defined[path, substr(line, 13, RLENGTH - 13)] = 1
        if (line ~ /struct CMUnitTest/)
            listed = 1
        while (listed && match(line, /\(test_[a-z0-9_]*[,)]/)) {
            registered[path, substr(line, RSTART + 1, RLENGTH - 2)] = 1
            line = substr(line, RSTART + RLENGTH)
        }
        if (line ~ /^ *};$/)
            listed = 0
    }
    close(path)
    return found
}

function read_conversations(path,    line, found) {
    found = 0
    while ((getline line < path) > 0) {
        found = 1
        if (line ~ /^\[.*\]$/)
            conversation[path, substr(line, 2, length(line) - 2)] = 1
    }
    close(path)
    return found
}

function check_function(file, name,    path) {
    path = "tests/" file ".c"
    if (!(path in readable))
        readable[path] = read_functions(path)
    if (!readable[path])
        complain("there is no " path)
    else if (!((path, name) in defined))
        complain(path " has no " name)
    else if (!((path, name) in registered))
        complain(path " has " name " but does not run it")
}

function check_conversation(file, name,    path) {
    path = "tests/conversations/" file
    if (!(path in readable))
        readable[path] = read_conversations(path)
    if (!readable[path])
        complain("there is no " path)
    else if (!((path, name) in conversation))
        complain(path " has no [" name "]")
}

# Checks all that is in backquotes; returns how many tests that were. `only`: nothing else may be.
function check_tests(text, only,    count, parts, i, n, colon, file, name) {
    count = 0
    n = split(text, parts, "`")
    for (i = 2; i <= n; i += 2) {
        colon = index(parts[i], ": ")
        file = substr(parts[i], 1, colon - 1)
        name = substr(parts[i], colon + 2)
        if (file ~ /^(unit|system)\/test_[a-z0-9_]*$/)
            check_function(file, name)
        else if (file ~ /^[a-z-]*\.txt$/ && name != "...")
            check_conversation(file, name)
        else {
            if (only)
                complain("`" parts[i] "` is no name of a test")
            continue
        }
        count++
    }
    return count
}

FNR == 1 { line_of_table = 0 }

!/^\|/ {
    line_of_table = 0
    check_tests($0, 0)
    next
}

# A table: its header, its rule, its rows.
{
    line_of_table++
    if (line_of_table <= 2)
        next
    rows[FILENAME]++
    cells = split($0, cell, "|")
    if (cell[cells] !~ /^ *$/)
        complain("the row does not end with a bar")
    else if (check_tests(cell[cells - 1], 1) == 0)
        complain("the row names no test")
    for (i = 2; i < cells - 1; i++)
        check_tests(cell[i], 0)
}

END {
    for (i = 1; i < ARGC; i++) {
        if (rows[ARGV[i]] == 0) {
            print ARGV[i] ": there is no table"
            bad = 1
        }
    }
    exit bad
}
' "$@"
