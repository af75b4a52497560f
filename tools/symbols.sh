#!/bin/sh
# The names liblince.so and liblince.a in a build folder export, against tests/abi/symbols.txt.
#
#   tools/symbols.sh BUILD            print the differences; fails if there are any
#   tools/symbols.sh BUILD --update   write the list anew, for a change that is meant
set -u
here=$(dirname "$0")/..
build=${1:?usage: tools/symbols.sh BUILD [--update]}
list=$here/tests/abi/symbols.txt

shared() { nm -D --defined-only "$build/liblince.so" | awk '{sub("@.*", "", $3); print $3}' | LC_ALL=C sort -u; }
static() { nm -g --defined-only "$build/liblince.a" | awk 'NF == 3 {print $3}' | LC_ALL=C sort -u; }

for library in liblince.so liblince.a; do
    [ -e "$build/$library" ] || { echo "symbols: $build/$library is not built" >&2; exit 1; }
done
if [ "${2:-}" = --update ]; then
    shared >"$list"
    exit
fi

bad=0
compare() { # NAME, its symbols in $found
    if ! LC_ALL=C sort "$list" | diff - "$found" >"$found.diff"; then
        bad=1
        echo "$1 differs from tests/abi/symbols.txt (< listed, > exported):"
        grep '^[<>]' "$found.diff"
    fi
}
found=$(mktemp)
trap 'rm -f "$found" "$found.diff"' EXIT
shared >"$found"
compare liblince.so
static >"$found"
compare liblince.a
[ $bad = 0 ] || exit 1
echo "symbols: $(wc -l <"$list" | tr -d ' ') names, the same in liblince.so, liblince.a and tests/abi/symbols.txt"
