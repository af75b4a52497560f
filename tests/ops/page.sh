#!/bin/sh
# docs/ops.md is what the generator prints.   page.sh GENERATOR PAGE
set -u
made=$(mktemp)
trap 'rm -f "$made"' EXIT
"$1" >"$made" || exit 1
diff -u "$2" "$made" || { echo "docs/ops.md is out of date: cmake --build build/release --target docs_ops" >&2; exit 1; }
