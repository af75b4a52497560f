#!/bin/sh
# Run every libFuzzer program of a build folder for some seconds each, starting from its corpus.
#
#   tools/fuzz.sh BUILD SECONDS
set -u
build=${1:?usage: tools/fuzz.sh BUILD SECONDS}
seconds=${2:-60}
here=$(cd "$(dirname "$0")/.." && pwd)
failed=0

for program in "$build"/fuzz/fuzz_*; do
    [ -x "$program" ] && [ -f "$program" ] || continue
    name=${program##*/fuzz_}
    found=$build/corpus/$name
    mkdir -p "$found" "$build/crashes"
    kept=$here/fuzz/corpus/$name
    [ -d "$kept" ] || kept=
    echo "fuzz: $name for $seconds s"
    # shellcheck disable=SC2086
    "$program" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=0 \
        -artifact_prefix="$build/crashes/$name-" "$found" $kept || failed=1
done
[ $failed = 0 ] || { echo "fuzz: see $build/crashes"; exit 1; }
