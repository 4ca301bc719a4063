#!/bin/sh
# Makes the encoded siblings that pronto looks for: name.gz, name.br and name.zst beside each text file beneath the
# directories that are given, with those of gzip, brotli and zstd that are installed. A sibling that is there already is
# made anew only if its file has changed since; one that would not be smaller is left out, or removed.

set -eu

if [ $# -eq 0 ]; then
    echo "usage: precompress.sh DIRECTORY..." >&2
    exit 2
fi

tools=
for tool in gzip brotli zstd; do
    if command -v "$tool" >/dev/null; then
        tools="$tools $tool"
    fi
done
if [ -z "$tools" ]; then
    echo "precompress.sh: neither gzip nor brotli nor zstd is installed" >&2
    exit 1
fi
export tools

# Some 1 KiB fit into the first packets anyhow. Pictures, videos, fonts in WOFF and archives are compressed already.
find "$@" -type f -size +1023c \( \
    -name '*.html' -o -name '*.htm' -o -name '*.css' -o -name '*.js' -o -name '*.mjs' -o -name '*.json' -o \
    -name '*.map' -o -name '*.svg' -o -name '*.txt' -o -name '*.md' -o -name '*.xml' -o -name '*.csv' -o \
    -name '*.wasm' -o -name '*.ico' -o -name '*.ttf' -o -name '*.otf' -o -name '*.webmanifest' \) \
    -exec sh -c '
        make() { # FILE EXTENSION COMMAND...
            file=$1 sibling=$1.$2
            shift 2
            if [ -e "$sibling" ] && [ ! "$file" -nt "$sibling" ] && [ ! "$file" -ot "$sibling" ]; then
                return 0
            fi
            part=$sibling.part
            "$@" <"$file" >"$part" || { rm -f "$part"; exit 1; }
            if [ "$(wc -c <"$part")" -lt "$(wc -c <"$file")" ]; then
                chmod --reference="$file" "$part"
                touch -r "$file" "$part"
                mv -f "$part" "$sibling"
            else
                rm -f "$part" "$sibling"
            fi
        }
        for file; do
            for tool in $tools; do
                case $tool in
                gzip) make "$file" gz gzip -9 -n -c ;;
                brotli) make "$file" br brotli -q 11 -c ;;
                zstd) make "$file" zst zstd -q -19 -c ;;
                esac
            done
        done' sh {} +
