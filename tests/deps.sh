#!/bin/sh
# Installs what `make test` and `make lint` need, through the system's package manager.
#
#   tests/deps.sh test        what the tests need
#   tests/deps.sh [all]       what lint needs, too
#   tests/deps.sh fuzz        what make fuzz needs
#   tests/deps.sh coverage    what make coverage needs
#   tests/deps.sh browser     what make test-browser needs
#
# It looks for the tools themselves, so it is quick and silent where all is there, however they came.
set -u

scope=${1:-all}
case $scope in
test | all | fuzz | coverage | browser) ;;
*)
    echo "usage: tests/deps.sh [test|all|fuzz|coverage|browser]" >&2
    exit 2
    ;;
esac

fail() {
    echo "tests/deps.sh: $*" >&2
    exit 1
}

has_program() {
    command -v "$1" >/dev/null 2>&1
}

# Whether a C program can include the header, which cmocka.h allows only behind others.
has_header() {
    printf '#include <setjmp.h>\n#include <stdarg.h>\n#include <stddef.h>\n#include <stdint.h>\n#include <%s>\n' "$1" |
        ${CC:-cc} -E -x c - >/dev/null 2>&1
}

# Whether the compiler comes with the sanitizers that the tests are built with.
has_sanitizers() {
    echo 'int main(void) { return 0; }' |
        ${CC:-cc} -fsanitize=address,undefined -x c -o /dev/null - >/dev/null 2>&1
}

# Whether clang comes with libFuzzer, and the sanitizers that go with it.
has_fuzzer() {
    printf '#include <stddef.h>\nint LLVMFuzzerTestOneInput(const char *, size_t);\nint LLVMFuzzerTestOneInput(const char *data, size_t size) { return !data && size; }\n' |
        clang -fsanitize=fuzzer,address,undefined -x c -o /dev/null - >/dev/null 2>&1
}

# Debian numbers llvm-ar by default; browsers go by several names.
has_any() {
    for name in "$@"; do
        has_program "$name" && return 0
    done
    return 1
}

# What is missing, by the names of the table below.
missing() {
    if [ "$scope" = browser ]; then
        has_any chromium chromium-browser google-chrome || echo chromium
        has_program node || echo node
        has_program ffmpeg || echo ffmpeg
        return 0
    fi
    has_header cmocka.h || echo cmocka
    if [ "$scope" = fuzz ]; then
        has_program clang || echo clang
        has_fuzzer || echo fuzzer
        return 0
    fi
    has_sanitizers || printf 'libasan\nlibubsan\n'
    for tool in wrk curl gzip prove; do
        has_program "$tool" || echo "$tool"
    done
    if [ "$scope" = coverage ]; then
        has_program gcovr || echo gcovr
    fi
    [ "$scope" = all ] || return 0
    for tool in clang clang-format clang-tidy cppcheck; do
        has_program "$tool" || echo "$tool"
    done
    has_program ld.lld || echo lld
    has_any llvm-ar llvm-ar-14 || echo llvm
}

# need        apt-get        dnf                pacman    apk                zypper         (-: part of the compiler, or not to be had)
table='
cmocka        libcmocka-dev  libcmocka-devel    cmocka    cmocka-dev         libcmocka-devel
libasan       -              libasan            -         -                  -
libubsan      -              libubsan           -         -                  -
wrk           wrk            wrk                wrk       wrk                wrk
curl          curl           curl               curl      curl               curl
gzip          gzip           gzip               gzip      gzip               gzip
prove         perl           perl-Test-Harness  perl      perl-utils         perl
clang         clang          clang              clang     clang              clang
fuzzer        libclang-rt-dev  compiler-rt      compiler-rt  compiler-rt     -
gcovr         gcovr          gcovr              -         gcovr              gcovr
clang-format  clang-format   clang-tools-extra  clang     clang-extra-tools  clang-tools
clang-tidy    clang-tidy     clang-tools-extra  clang     clang-extra-tools  clang-tools
cppcheck      cppcheck       cppcheck           cppcheck  cppcheck           cppcheck
chromium      chromium       chromium           chromium  chromium           chromium
node          nodejs         nodejs             nodejs    nodejs             nodejs-default
ffmpeg        ffmpeg         ffmpeg-free        ffmpeg    ffmpeg             ffmpeg
lld           lld            lld                lld       lld                lld
llvm          llvm           llvm               llvm      llvm               llvm
'

managers='apt-get dnf pacman apk zypper'

# The first package manager there is, as its column in the table, and its name.
find_manager() {
    column=2
    for manager in $managers; do
        has_program "$manager" && return 0
        column=$((column + 1))
    done
    return 1
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

install() {
    case $manager in
    apt-get)
        # The lists of a fresh machine are empty.
        as_root apt-get update -qq
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
        ;;
    dnf) as_root dnf install -y -q "$@" ;;
    pacman) as_root pacman -Sy --needed --noconfirm "$@" ;;
    apk) as_root apk add -q "$@" ;;
    zypper) as_root zypper --non-interactive --quiet install "$@" ;;
    esac
}

needs=$(missing)
[ -n "$needs" ] || exit 0
list=$(echo "$needs" | tr '\n' ' ')

has_program "${CC:-cc}" || fail "there is no C compiler (${CC:-cc}); install gcc or clang and try again"
find_manager || fail "missing: $list- and none of $managers is here to install it; please install it by hand"
if [ "$(id -u)" -ne 0 ] && ! has_program sudo; then
    fail "missing: $list- run this as root, or install sudo"
fi

packages=$(for need in $needs; do
    echo "$table" | awk -v need="$need" -v column="$column" '$1 == need && $column != "-" { print $column }'
done | sort -u)
[ -n "$packages" ] || fail "missing: $list- and $manager has no package for it"

echo "tests/deps.sh: installing $(echo "$packages" | tr '\n' ' ')with $manager" >&2
# The package manager's output is of interest only if it fails; the words are package names, so they are split.
# shellcheck disable=SC2086
output=$(install $packages 2>&1) || {
    echo "$output" >&2
    fail "$manager could not install: $(echo "$packages" | tr '\n' ' ')"
}

left=$(missing | tr '\n' ' ')
[ -z "$left" ] || fail "still missing after the installation: $left- please install it by hand"
