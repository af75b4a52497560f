#!/bin/sh
# Silent when all that a build needs is there. Otherwise names what is missing and installs it with apt, dnf or brew, with
# sudo if not root. LINCE_NO_INSTALL=1: name it and fail.
#
#   tools/deps.sh            to build and test
#   tools/deps.sh ci         and to check the format
#   tools/deps.sh full       and for make ci-full
set -u

group=${1:-build}

# What is looked for: a program, PROGRAM>=VERSION, pc:MODULE for pkg-config, h:HEADER, or what clang's -fsanitize=fuzzer
# links; then its package for apt, dnf and brew.
# Several packages are joined by a comma; - is none.
wanted() {
    cat <<'TABLE'
make                make                   make                  make
cc                  gcc                    gcc                   gcc
h:stdlib.h          libc6-dev              glibc-devel           -
cmake>=3.22         cmake                  cmake                 cmake
ninja               ninja-build            ninja-build           ninja
pkg-config          pkgconf                pkgconf-pkg-config    pkgconf
protoc-c            protobuf-c-compiler    protobuf-c-compiler   protobuf-c
pc:libprotobuf-c    libprotobuf-c-dev      protobuf-c-devel      protobuf-c
pc:libjpeg          libjpeg-dev            libjpeg-turbo-devel   jpeg-turbo
pc:libpng           libpng-dev             libpng-devel          libpng
h:gif_lib.h         libgif-dev             giflib-devel          giflib
pc:libwebp          libwebp-dev            libwebp-devel         webp
pc:libwebpdemux     libwebp-dev            libwebp-devel         webp
pc:libisal          libisal-dev            isa-l-devel           isa-l
pc:snappy           libsnappy-dev          snappy-devel          snappy
pc:jansson          libjansson-dev         jansson-devel         jansson
pc:cmocka           libcmocka-dev          libcmocka-devel       cmocka
TABLE
    [ "$group" = build ] || cat <<'TABLE'
clang-format-14     clang-format-14        clang-tools-extra     clang-format@14
TABLE
    [ "$group" != full ] || cat <<'TABLE'
clang               clang                  clang                 llvm
fuzzer:clang        libclang-rt-dev          compiler-rt           llvm
valgrind            valgrind               valgrind              -
dpkg-shlibdeps      dpkg-dev               dpkg-dev              -
file                file                   file                  -
TABLE
}

have() {
    case $1 in
    pc:*) command -v pkg-config >/dev/null 2>&1 && pkg-config --exists "${1#pc:}" ;;
    fuzzer:*) command -v clang >/dev/null 2>&1 && [ -f "$(clang -print-file-name="libclang_rt.fuzzer-$(uname -m).a")" ] ;;
    h:*) command -v cc >/dev/null 2>&1 && echo "#include <${1#h:}>" | printf '%s\n' "#include <stddef.h>" "#include <stdio.h>" "$(cat)" | cc -E - >/dev/null 2>&1 ;;
    *">="*) printf '%s\n' "${1#*>=}" "$("${1%>=*}" --version 2>/dev/null | sed -n '1s/[^0-9]*\([0-9.]*\).*/\1/p')" | sort -VC ;;
    *) command -v "$1" >/dev/null 2>&1 ;;
    esac
}

if command -v apt-get >/dev/null 2>&1; then
    manager=apt column=2
elif command -v dnf >/dev/null 2>&1; then
    manager=dnf column=3
elif command -v brew >/dev/null 2>&1; then
    manager=brew column=4
else
    manager= column=2
fi

missing=
packages=
for what in $(wanted | awk '{print $1}'); do
    have "$what" && continue
    package=$(wanted | awk -v what="$what" -v column=$column '$1 == what {gsub(",", " ", $column); print $column; exit}')
    missing="$missing ${what#*:}"
    case " $packages " in
    *" $package "*) ;;
    *) [ "$package" = - ] || packages="$packages $package" ;;
    esac
done
[ -n "$missing" ] || exit 0

packages=${packages# }
echo "lince: missing:$missing" >&2
if [ -z "$manager" ]; then
    echo "lince: no apt, dnf or brew here; please install what is missing, then try again (Debian calls it: $packages)" >&2
    exit 1
fi

root=
if [ "$manager" != brew ] && [ "$(id -u)" != 0 ]; then
    root=sudo
fi
case $manager in
apt) install="apt-get install -y --no-install-recommends" ;;
*) install="$manager install $([ $manager = dnf ] && echo -y)" ;;
esac
echo "lince: to install it: $root${root:+ }$install $packages" >&2
if [ "${LINCE_NO_INSTALL:-0}" = 1 ]; then
    echo "lince: LINCE_NO_INSTALL=1, so this is left to you" >&2
    exit 1
fi
if [ -n "$root" ] && ! command -v sudo >/dev/null 2>&1; then
    echo "lince: that needs root, and there is no sudo" >&2
    exit 1
fi

if [ $manager = apt ]; then
    # Stale or empty lists know no packages: try, refresh them if that failed, and try again.
    $root env DEBIAN_FRONTEND=noninteractive $install $packages >&2 ||
        { $root apt-get update >&2 && $root env DEBIAN_FRONTEND=noninteractive $install $packages >&2; }
else
    $root $install $packages >&2
fi || { echo "lince: installing failed" >&2; exit 1; }

still=
for what in $(wanted | awk '{print $1}'); do
    have "$what" || still="$still ${what#*:}"
done
[ -z "$still" ] || { echo "lince: still missing:$still" >&2; exit 1; }
