#!/bin/sh
# install.sh MAKE...: make install puts there what it should, and make uninstall takes all of it away.
set -eu
cd "$(dirname "$0")/.."
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT

for prefix in /usr /opt/pronto; do
    "$@" install DESTDIR="$stage" PREFIX=$prefix >/dev/null
    (cd "$stage$prefix" && find . -type f | LC_ALL=C sort) > "$stage/found"
    diff -u - "$stage/found" <<'LIST'
./bin/pronto
./lib/systemd/system/pronto.service
./lib/systemd/system/pronto.socket
./share/bash-completion/completions/pronto
./share/doc/pronto/LICENSE
./share/fish/vendor_completions.d/pronto.fish
./share/man/man1/pronto.1
./share/pronto/precompress.sh
./share/zsh/site-functions/_pronto
LIST
    "$stage$prefix/bin/pronto" --version >/dev/null
    mkdir "$stage/site"
    seq 1000 > "$stage/site/numbers.txt"
    "$stage$prefix/share/pronto/precompress.sh" "$stage/site"
    gzip -dc "$stage/site/numbers.txt.gz" | cmp - "$stage/site/numbers.txt"
    rm -r "$stage/site"
    grep -q "^ExecStart=$prefix/bin/pronto " "$stage$prefix/lib/systemd/system/pronto.service"
    # The options that it has are the options of the manual page.
    "$stage$prefix/bin/pronto" --help | grep -o '^ *\(-., \)\?--[a-z-]*' | grep -o '[a-z-]*$' | while read -r option; do
        grep -q "^\.It .*Fl ${option#-}\b" "$stage$prefix/share/man/man1/pronto.1" || {
            echo "the manual page lacks $option"
            exit 1
        }
    done
    "$@" uninstall DESTDIR="$stage" PREFIX=$prefix >/dev/null
    rm "$stage/found"
    left=$(find "$stage" -type f -o -path '*/share/*' -name pronto)
    [ -z "$left" ] || { echo "make uninstall leaves $left"; exit 1; }
done
echo 'make install and uninstall: fine'
