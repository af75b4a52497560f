#!/bin/sh
# Build for aarch64 with a cross compiler and run all tests under qemu. The libraries come from Debian's arm64 packages,
# unpacked into build/aarch64-root: apt is told of a machine of its own, so that this one does not change. Only the
# compiler and qemu are installed here. Skipped, and said so, where there is no apt.
set -eu
cd "$(dirname "$0")/.."
jobs=${JOBS:-$(nproc)}
top=$PWD/build
root=$top/aarch64-root
apt=$top/aarch64-apt

if ! command -v apt-get >/dev/null 2>&1; then
    echo "aarch64: skipped, it needs apt"
    exit 0
fi
if ! command -v aarch64-linux-gnu-gcc >/dev/null 2>&1 || ! command -v qemu-aarch64-static >/dev/null 2>&1; then
    if [ "${LINCE_NO_INSTALL:-0}" = 1 ]; then
        echo "aarch64: needs gcc-aarch64-linux-gnu and qemu-user-static" >&2
        exit 1
    fi
    sudo=$([ "$(id -u)" = 0 ] || echo sudo)
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends gcc-aarch64-linux-gnu qemu-user-static
fi

if [ ! -e "$root/.complete" ]; then
    rm -rf "$root" "$apt"
    mkdir -p "$root" "$apt/state/lists/partial" "$apt/cache/archives/partial"
    : >"$apt/status"
    there() {
        apt-get -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o Dir::State="$apt/state" \
            -o Dir::State::status="$apt/status" -o Dir::Cache="$apt/cache" -o Debug::NoLocking=1 "$@"
    }
    there update >"$apt/log" 2>&1 || { cat "$apt/log"; exit 1; }
    there install -y --no-install-recommends --download-only libc6-dev \
        "libgcc-$(aarch64-linux-gnu-gcc -dumpversion)-dev" libprotobuf-c-dev libjpeg-dev libpng-dev libgif-dev libwebp-dev libisal-dev libsnappy-dev libjansson-dev libcmocka-dev >"$apt/log" 2>&1 ||
        { cat "$apt/log"; exit 1; }
    for package in "$apt"/cache/archives/*.deb; do
        dpkg-deb -x "$package" "$root"
    done
    touch "$root/.complete"
fi

cmake -S . -B build/aarch64 -G Ninja --toolchain cmake/aarch64.cmake -DLINCE_AARCH64_ROOT="$root" -DLINCE_WERROR=ON \
    -DCMAKE_BUILD_TYPE=Release >build/aarch64.log 2>&1 || { cat build/aarch64.log; exit 1; }
cmake --build build/aarch64 -j "$jobs"
ctest --test-dir build/aarch64 --output-on-failure -j "$jobs" --timeout 1800
