#!/bin/sh
# embed.sh FILE [BASE]: prints an assembler source that puts FILE into the program, behind BASE if there is one, as the
# symbols that include/base/embedded.h declares: the bytes, their number, and the SHA-256 of them in base64, as a
# Content-Security-Policy has it.
set -eu
name=$(basename "$1" | tr -c 'a-z0-9\n' '_')
hash=$(cat ${2:+"$2"} "$1" | sha256sum | awk '{
    digits = substr($1, 1, 64) "00"
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    for (i = 1; i <= 64; i += 3) {
        value = 0
        for (j = i; j < i + 3; j++)
            value = 16 * value + index("0123456789abcdef", substr(digits, j, 1)) - 1
        text = text substr(letters, int(value / 64) + 1, 1) substr(letters, value % 64 + 1, 1)
    }
    print substr(text, 1, 43) "="
}')
parts=$(printf '    .incbin "%s"\n' ${2:+"$2"} "$1")
cat <<END
    .section .rodata
    .global embedded_$name
embedded_$name:
$parts
embedded_${name}_end:
    .global embedded_${name}_sha256
embedded_${name}_sha256:
    .ascii "$hash"
    .balign 8
    .global embedded_${name}_len
embedded_${name}_len:
    .quad embedded_${name}_end - embedded_$name
    .section .note.GNU-stack,"",%progbits
END
