#!/bin/sh
# What is done before an issue ends, beyond .ci/run: the tests under clang, the thread sanitizer and valgrind, allocations
# that fail, the packages, and aarch64 under emulation. Every part runs even if one before it failed. Takes long.
#
#   tools/ci-full.sh [PART...]       clang tsan valgrind oom package aarch64
set -u
cd "$(dirname "$0")/.." || exit 1
jobs=${JOBS:-$(nproc)}
parts=${*:-clang tsan valgrind oom package aarch64}
failed=

configure() { # FOLDER FLAGS...
    folder=$1
    shift
    mkdir -p build
    cmake -S . -B "build/$folder" -G Ninja -DLINCE_WERROR=ON "$@" >"build/$folder.log" 2>&1 ||
        { cat "build/$folder.log"; return 1; }
    cmake --build "build/$folder" -j "$jobs"
}

test_folder() { ctest --test-dir "build/$1" --output-on-failure -j "$jobs" --timeout "${2:-300}"; }

part_clang() { configure clang -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=Release && test_folder clang; }

part_tsan() { configure tsan -DCMAKE_BUILD_TYPE=RelWithDebInfo -DLINCE_SANITIZE=thread && test_folder tsan 900; }

# Not on the sanitizers' builds: valgrind wants to be alone. AVX-512 it does not know, so LINCE_ISA stays below.
part_valgrind() {
    configure release -DCMAKE_BUILD_TYPE=Release || return 1
    seen=0
    for corpus in fuzz/corpus/*/; do
        [ -d "$corpus" ] || continue
        name=$(basename "$corpus")
        echo "valgrind: $name"
        LINCE_ISA=avx2 valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite,possible \
            "build/release/fuzz/fuzz_$name" "$corpus" || return 1
        seen=$((seen + 1))
    done
    [ $seen != 0 ] || echo "valgrind: no fuzz/corpus yet"
}

part_oom() {
    configure release -DCMAKE_BUILD_TYPE=Release || return 1
    if [ -e tests/oom/CMakeLists.txt ]; then
        ctest --test-dir build/release --output-on-failure -j "$jobs" -R '^oom' --no-tests=error
    else
        echo "oom: no tests/oom yet"
    fi
}

part_package() { configure release -DCMAKE_BUILD_TYPE=Release && sh tools/check-package.sh build/release; }

part_aarch64() { sh tools/ci-aarch64.sh; }

sh tools/deps.sh full || exit 1
for part in $parts; do
    printf '\n== %s\n' "$part"
    if ! "part_$part"; then
        echo "== $part failed"
        failed="$failed $part"
    fi
done
echo
if [ -n "$failed" ]; then
    echo "ci-full: failed:$failed"
    exit 1
fi
echo "ci-full: passed: $parts"
