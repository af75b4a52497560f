#!/bin/sh
# What a user of the installed library does: install a build into an empty folder, move it, and build programs against it
# through pkg-config (shared and static) and through CMake; then look into the packages cpack makes of it.
#
#   tools/check-package.sh BUILD
set -eu
build=$(cd "${1:?usage: tools/check-package.sh BUILD}" && pwd)
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

step() { echo "package: $*"; }

step "install into a folder, then move it"
cmake --install "$build" --prefix "$work/first" >/dev/null
mv "$work/first" "$work/prefix"
prefix=$work/prefix
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name lince.pc)")
export PKG_CONFIG_PATH

cat >"$work/version.c" <<'C'
#include <lince.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    puts(lince_version());
    return strcmp(lince_version(), LINCE_VERSION) != 0;
}
C
libdir=$(pkg-config --variable=libdir lince)

for source in "$work/version.c" "$here"/examples/*.c; do
    [ -e "$source" ] || continue
    name=$(basename "$source" .c)
    step "$name.c through pkg-config"
    # shellcheck disable=SC2046
    cc -std=c11 -Wall -Wextra -Werror -o "$work/$name" "$source" $(pkg-config --cflags --libs lince)
done
LD_LIBRARY_PATH=$libdir "$work/version"

# The headers are C99, and C++11 too.
step "version.c as C99 and as C++11"
# shellcheck disable=SC2046
cc -std=c99 -Wall -Wextra -pedantic -Werror -o "$work/c99" "$work/version.c" $(pkg-config --cflags --libs lince)
# shellcheck disable=SC2046
clang -x c++ -std=c++11 -Wall -Wextra -pedantic -Werror -o "$work/c++11" "$work/version.c" -x none \
    $(pkg-config --cflags --libs lince)
LD_LIBRARY_PATH=$libdir "$work/c++11"

step "what the library is called, and where the program looks for it"
readelf -d "$libdir/liblince.so" | grep -q 'SONAME.*\[liblince.so.0\]'
readelf -d "$prefix/bin/lince" | grep -q 'RUNPATH.*\[$ORIGIN/'
readelf -d "$prefix/bin/lince" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | grep -vE '^(liblince|libjansson|libc|libm|libpthread)\.so' &&
    { echo "package: the program links more than the library and jansson"; exit 1; }

step "version.c with the archive"
# shellcheck disable=SC2046
cc -std=c11 -o "$work/static" "$work/version.c" $(pkg-config --cflags lince) "$libdir/liblince.a" \
    $(pkg-config --static --libs-only-l --libs-only-other lince | sed 's/-llince//')
"$work/static"

step "version.c through CMake, both libraries"
mkdir "$work/project"
cp "$work/version.c" "$work/project"
cat >"$work/project/CMakeLists.txt" <<'C'
cmake_minimum_required(VERSION 3.22)
project(user LANGUAGES C)
find_package(lince 0.1 REQUIRED)
add_executable(shared version.c)
target_link_libraries(shared PRIVATE lince::lince)
add_executable(static version.c)
target_link_libraries(static PRIVATE lince::lince_static)
C
cmake -S "$work/project" -B "$work/project/build" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" >/dev/null
cmake --build "$work/project/build" >/dev/null
"$work/project/build/shared"
"$work/project/build/static"

if [ -x "$prefix/bin/lince" ]; then
    step "the installed program finds its library"
    "$prefix/bin/lince" --version
fi

step "cpack"
(cd "$build" && rm -rf packages && cpack >cpack.log 2>&1) || { cat "$build/cpack.log"; exit 1; }
ls "$build"/packages/*.tar.gz
for deb in "$build"/packages/*.deb; do
    echo "$deb"
    dpkg-deb -f "$deb" Package Version Architecture Depends
    dpkg-deb -f "$deb" Depends | grep -q libprotobuf-c || { echo "package: Depends is not complete"; exit 1; }
    dpkg-deb -x "$deb" "$work/deb"
    LD_LIBRARY_PATH=$(dirname "$(find "$work/deb" -name 'liblince.so.0')") "$work/version"
done
echo "package: good"
