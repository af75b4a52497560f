#!/bin/sh
# Format every C file of the tree, or with --check say which are not. clang-format 14: others break lines elsewhere.
set -u
cd "$(dirname "$0")/.."

format=
for name in clang-format-14 clang-format; do
    if command -v $name >/dev/null 2>&1 && $name --version | grep -q 'version 14\.'; then
        format=$name
        break
    fi
done
[ -n "$format" ] || { echo "lince: clang-format 14 is not installed (apt: clang-format-14; pip: clang-format==14.0.6)" >&2; exit 1; }

files=$(find include src app examples tests fuzz bench tools -name '*.[ch]' | LC_ALL=C sort)
if [ "${1:-}" != --check ]; then
    echo "$files" | xargs "$format" -i
    exit
fi
bad=0
for file in $files; do
    if ! "$format" "$file" | cmp -s - "$file"; then
        echo "not formatted: $file"
        bad=$((bad + 1))
    fi
done
# It leaves comments as they are.
# shellcheck disable=SC2086
long=$(awk 'length > 120 { print FILENAME ":" FNR ": " length " columns; 120 is the limit" }' $files)
[ -z "$long" ] || { echo "$long"; bad=$((bad + 1)); }
[ $bad = 0 ] || { echo "format: $bad files; run make format"; exit 1; }
echo "format: $(echo "$files" | wc -l | tr -d ' ') files, all as clang-format leaves them"
