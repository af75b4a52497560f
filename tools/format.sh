#!/bin/sh
# Format every C file the repository holds, or with --check say which are not. clang-format 14: others break lines elsewhere.
set -u
cd "$(dirname "$0")/.."

format=
for name in clang-format-14 clang-format; do
    if command -v $name >/dev/null 2>&1 && $name --version | grep -q 'version 14\.'; then
        format=$name
        break
    fi
done
[ -n "$format" ] || { echo "lince: clang-format 14 is not installed (apt: clang-format-14)" >&2; exit 1; }

if [ "${1:-}" != --check ]; then
    git ls-files -z -- '*.c' '*.h' | xargs -0 "$format" -i
    exit
fi
bad=0
for file in $(git ls-files -- '*.c' '*.h'); do
    if ! "$format" "$file" | cmp -s - "$file"; then
        echo "not formatted: $file"
        bad=$((bad + 1))
    fi
done
[ $bad = 0 ] || { echo "format: $bad files; run make format"; exit 1; }
echo "format: all files are as clang-format leaves them"
