#!/bin/sh
# Installs what `make test`, `make lint` and the like need, through the system's package manager.
#
#   tests/deps.sh test        what the tests need
#   tests/deps.sh [all]       what lint needs, too
#   tests/deps.sh fuzz        what make fuzz needs
#   tests/deps.sh coverage    what make coverage needs
#   tests/deps.sh abuse       what make abuse needs
#   tests/deps.sh soak        what make soak needs
#   tests/deps.sh browser     what make test-browser needs
#   tests/deps.sh bench       what make bench needs (wrk, python3), and pronto's peers and gnuplot, as far as there are
#                             packages of them; their services are not started
#
# It looks for the tools themselves, so it is quick and silent where all is there, however they came.
set -u

scope=${1:-all}
case $scope in
test | all | fuzz | abuse | soak | coverage | browser | bench) ;;
*)
    echo "usage: tests/deps.sh [test|all|fuzz|abuse|soak|coverage|browser|bench]" >&2
    exit 2
    ;;
esac

# Servers are in sbin, which not everybody's PATH has.
PATH=$PATH:/usr/local/sbin:/usr/sbin

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

missing_programs() {
    for tool in "$@"; do
        has_program "$tool" || echo "$tool"
    done
}

# What is missing, by the names of the table below.
missing() {
    if [ "$scope" = browser ]; then
        has_any chromium chromium-browser google-chrome || echo chromium
        missing_programs node ffmpeg
        return 0
    fi
    if [ "$scope" = bench ]; then
        missing_programs wrk python3
        return 0
    fi
    if [ "$scope" = soak ]; then
        has_sanitizers || printf 'libasan\nlibubsan\n'
        missing_programs python3
        return 0
    fi
    has_header cmocka.h || echo cmocka
    if [ "$scope" = abuse ]; then
        missing_programs slowhttptest
        return 0
    fi
    if [ "$scope" = fuzz ]; then
        has_program clang || echo clang
        has_fuzzer || echo fuzzer
        return 0
    fi
    has_sanitizers || printf 'libasan\nlibubsan\n'
    missing_programs wrk curl gzip brotli zstd prove ip tar bsdtar python3 openssl haproxy nginx caddy systemd-socket-activate \
        zbarimg zsh fish avahi-daemon avahi-browse dbus-daemon dig stdbuf
    ! has_program apt-get || missing_programs dpkg-scanpackages
    if [ "$scope" = coverage ]; then
        has_program gcovr || echo gcovr
    fi
    [ "$scope" = all ] || return 0
    missing_programs clang clang-format clang-tidy cppcheck mandoc
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
brotli        brotli         brotli             brotli    brotli             brotli
zstd          zstd           zstd               zstd      zstd               zstd
prove         perl           perl-Test-Harness  perl      perl-utils         perl
ip            iproute2       iproute            iproute2  iproute2           iproute2
tar           tar            tar                tar       tar                tar
bsdtar        libarchive-tools  bsdtar          libarchive  libarchive-tools  bsdtar
clang         clang          clang              clang     clang              clang
fuzzer        libclang-rt-dev  compiler-rt      compiler-rt  compiler-rt     -
systemd-socket-activate systemd systemd        systemd   -                  systemd
slowhttptest  slowhttptest   slowhttptest       -         -                  -
zbarimg       zbar-tools     zbar               zbar      zbar               zbar
zsh           zsh            zsh                zsh       zsh                zsh
fish          fish           fish               fish      fish               fish
mandoc        mandoc         mandoc             mandoc    mandoc             mandoc
gcovr         gcovr          gcovr              -         gcovr              gcovr
clang-format  clang-format   clang-tools-extra  clang     clang-extra-tools  clang-tools
clang-tidy    clang-tidy     clang-tools-extra  clang     clang-extra-tools  clang-tools
cppcheck      cppcheck       cppcheck           cppcheck  cppcheck           cppcheck
chromium      chromium       chromium           chromium  chromium           chromium
node          nodejs         nodejs             nodejs    nodejs             nodejs-default
ffmpeg        ffmpeg         ffmpeg-free        ffmpeg    ffmpeg             ffmpeg
lld           lld            lld                lld       lld                lld
llvm          llvm           llvm               llvm      llvm               llvm
python3       python3        python3            python    python3            python3
openssl       openssl        openssl            openssl   openssl            openssl
haproxy       haproxy        haproxy            haproxy   haproxy            haproxy
nginx         nginx          nginx              nginx     nginx              nginx
caddy         caddy          caddy              caddy     caddy              caddy
dpkg-scanpackages dpkg-dev   dpkg-dev           dpkg      dpkg-dev           dpkg
avahi-daemon  avahi-daemon   avahi              avahi     avahi              avahi
avahi-browse  avahi-utils    avahi-tools        avahi     avahi-tools        avahi-utils
dbus-daemon   dbus           dbus-daemon        dbus      dbus               dbus-1
dig           bind9-dnsutils bind-utils         bind      bind-tools         bind-utils
stdbuf        coreutils      coreutils          coreutils coreutils          coreutils
h2o           h2o            h2o                -         h2o                h2o
lighttpd      lighttpd       lighttpd           lighttpd  lighttpd           lighttpd
gnuplot       gnuplot-nox    gnuplot-minimal    gnuplot   gnuplot            gnuplot
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
        # The lists of a fresh machine are empty. Another apt-get may be at work; it is waited for.
        as_root apt-get update -qq
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
            -o DPkg::Lock::Timeout=300 "$@"
        ;;
    dnf) as_root dnf install -y -q "$@" ;;
    pacman) as_root pacman -Sy --needed --noconfirm "$@" ;;
    apk) as_root apk add -q "$@" ;;
    zypper) as_root zypper --non-interactive --quiet install "$@" ;;
    esac
}

# The package of a need; nothing where there is none.
package_of() {
    echo "$table" | awk -v need="$1" -v column="$column" '$1 == need && $column != "-" { print $column }'
}

# The package manager's output is of interest only if it fails.
install_quietly() {
    echo "tests/deps.sh: installing $* with $manager" >&2
    output=$(install "$@" 2>&1)
}

check_means() {
    find_manager || fail "missing: $list- and none of $managers is here to install it; please install it by hand"
    if [ "$(id -u)" -ne 0 ] && ! has_program sudo; then
        fail "missing: $list- run this as root, or install sudo"
    fi
}

# What starts a service when it is installed, and at every boot after that.
services='haproxy nginx caddy h2o lighttpd avahi-daemon'

# Debian starts them at once unless this says no.
policy=/usr/sbin/policy-rc.d

install_without_services() {
    if [ "$manager" = apt-get ] && [ ! -e "$policy" ]; then
        trap 'as_root rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
    fi
    install_quietly "$@" || return 1
    has_program systemctl || return 0
    for name in "$@"; do
        case " $services " in
        *" $name "*) as_root systemctl disable --quiet --now "$name" >/dev/null 2>&1 || : ;;
        esac
    done
}

install_needs() {
    check_means
    packages=$(for need in $needs; do package_of "$need"; done | sort -u)
    [ -n "$packages" ] || fail "missing: $list- and $manager has no package for it"
    # The words are package names, so they are split.
    # shellcheck disable=SC2086
    install_without_services $packages || {
        echo "$output" >&2
        fail "$manager could not install: $(echo "$packages" | tr '\n' ' ')"
    }
    left=$(missing | tr '\n' ' ')
    [ -z "$left" ] || fail "still missing after the installation: $left- please install it by hand"
}

# One by one: what cannot be had is reported, and done without.
install_wishes() {
    for wish in $wishes; do
        package=$(package_of "$wish")
        if [ -z "$package" ]; then
            echo "tests/deps.sh: $manager has no package for $wish; going on without" >&2
        elif ! install_without_services "$package"; then
            printf '%s\n' "$output" | tail -n 2 >&2
            echo "tests/deps.sh: $manager could not install $package; going on without" >&2
        fi
    done
}

needs=$(missing)
wishes=$([ "$scope" != bench ] || missing_programs nginx h2o lighttpd gnuplot)
[ -n "$needs$wishes" ] || exit 0
list=$(echo "$needs" "$wishes" | tr '\n' ' ')

if [ "$scope" != bench ]; then
    has_program "${CC:-cc}" || fail "there is no C compiler (${CC:-cc}); install gcc or clang and try again"
fi
check_means
[ -z "$needs" ] || install_needs
install_wishes
