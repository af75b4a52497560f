#!/bin/sh
# What is done before a release, beyond .ci/run: the tests under clang, the thread sanitizer and valgrind, allocations that
# fail, the packages, each optional part left out, TensorFlow's acceptance of what we save, and aarch64 under emulation. Every
# part runs even if one before it failed.
# Ends with a line for each part: what it counted, and how long it took. Takes about an hour on two cores.
#
#   tools/ci-full.sh [PART...]       clang tsan valgrind oom package options tensorflow aarch64
set -u
cd "$(dirname "$0")/.." || exit 1
jobs=${JOBS:-$(nproc)}
parts=${*:-clang tsan valgrind oom package options tensorflow aarch64}
failed=
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

generator=Ninja
configure() { # FOLDER FLAGS...
    folder=$1
    shift
    mkdir -p build
    cmake -S . -B "build/$folder" -G "$generator" -DLINCE_WERROR=ON "$@" >"build/$folder.log" 2>&1 ||
        { cat "build/$folder.log"; return 1; }
    cmake --build "build/$folder" -j "$jobs"
}

test_folder() { # FOLDER SECONDS CTEST-FLAGS...
    folder=$1 seconds=$2
    shift 2
    ctest --test-dir "build/$folder" --output-on-failure -j "$jobs" --timeout "$seconds" --no-tests=error "$@"
}

part_clang() { configure clang -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=Release && test_folder clang 300; }

part_tsan() { configure tsan -DCMAKE_BUILD_TYPE=RelWithDebInfo -DLINCE_SANITIZE=thread && test_folder tsan 900; }

# Not on the sanitizers' builds: valgrind wants to be alone. AVX-512 it does not know, so LINCE_ISA stays below.
part_valgrind() {
    configure release -DCMAKE_BUILD_TYPE=Release || return 1
    for source in fuzz/*.c; do
        name=$(basename "$source" .c)
        program=build/release/fuzz/fuzz_$name
        [ -x "$program" ] || continue # replay.c, which they all share
        if [ ! -d "fuzz/corpus/$name" ]; then
            echo "valgrind: there is no fuzz/corpus/$name"
            return 1
        fi
        echo "valgrind: $name"
        LINCE_ISA=avx2 valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite,possible \
            "$program" "fuzz/corpus/$name" || return 1
    done
}

part_oom() { configure release -DCMAKE_BUILD_TYPE=Release && test_folder release 900 -R '^oom'; }

part_package() { configure release -DCMAKE_BUILD_TYPE=Release && sh tools/check-package.sh build/release; }

# What can be left out, all at once; and the tests that then remain. The last one as who has no ninja builds it.
part_options() {
    configure debug -DCMAKE_BUILD_TYPE=Debug && test_folder debug 900 &&
        configure least -DCMAKE_BUILD_TYPE=Release -DLINCE_IMAGE=OFF -DLINCE_SNAPPY=OFF && test_folder least 300 &&
        generator="Unix Makefiles" && configure bare -DCMAKE_BUILD_TYPE=Release -DLINCE_TESTS=OFF &&
        build/bare/lince --version
}

# In a virtual environment of its own, build/venv, which pip fills; LINCE_TENSORFLOW: a Python that has them already. Without the
# network, or a Python that TensorFlow has no package for, it is skipped, and the summary says so.
part_tensorflow() {
    configure release -DCMAKE_BUILD_TYPE=Release || return 1
    python=${LINCE_TENSORFLOW:-build/venv/bin/python}
    if [ -z "${LINCE_TENSORFLOW:-}" ] && ! "$python" -c 'import tensorflow, tf_keras, tensorflow_hub' 2>/dev/null; then
        python3 -m venv build/venv &&
            build/venv/bin/pip install -q tensorflow-cpu==2.21.0 tf-keras==2.21.0 tensorflow-hub==0.16.1 ||
            { echo "tensorflow: skipped: it cannot be installed"; return 0; }
    fi
    "$python" tools/verify/check.py build/release/lince && "$python" tools/verify/publish.py build/release
}

part_aarch64() { sh tools/ci-aarch64.sh; }

# What a part's output says it did: tests by ctest's lines, the corpus by replay's, anything that was skipped.
counted() { # FILE
    awk '/tests passed, [0-9]+ tests? failed out of [0-9]+/ {
             match($0, /[0-9]+ tests? failed/); bad = substr($0, RSTART) + 0
             sub(/.*out of /, ""); all = $0 + 0
             good += all - bad; wrong += bad; tests = 1
         }
         /^[0-9]+ inputs$/ { inputs += $1 }
         /^package: good/ { package = 1 }
         /^(verify|published): [0-9]+ models/ { models += $2 }
         /: skipped/ { skipped = 1 }
         END {
             if (tests) printf "%d tests passed, %d failed; ", good, wrong
             if (inputs) printf "%d inputs; ", inputs
             if (package) printf "package good; "
             if (models) printf "%d models; ", models
             if (skipped) printf "skipped; "
         }' "$1"
}

sh tools/deps.sh full || exit 1
for part in $parts; do
    printf '\n== %s\n' "$part"
    start=$(date +%s)
    { "part_$part" 2>&1 && echo >"$work/passed"; } | tee "$work/log"
    verdict=passed
    if [ ! -e "$work/passed" ]; then
        verdict=failed
        failed="$failed $part"
    fi
    rm -f "$work/passed"
    printf '%-9s %s  %s%s s\n' "$part" "$verdict" "$(counted "$work/log")" $(($(date +%s) - start)) >>"$work/summary"
done
echo
cat "$work/summary"
if [ -n "$failed" ]; then
    echo "ci-full: failed:$failed"
    exit 1
fi
echo "ci-full: passed: $parts"
