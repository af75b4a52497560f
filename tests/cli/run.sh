#!/bin/sh
# run.sh PROGRAM SOURCE NAME: run NAME.sh in an empty folder and compare what it prints with NAME.out. UPDATE=1: write that.
#
# A script calls `t ARGUMENT...`, which shows and runs a command of lince, stderr included, and shows an exit status that is not 0. It
# finds $photos, $models, $cases (of tests/golden) and $lite0, a real network.
set -u

lince=$(realpath "$1")
source=$(realpath "$2")
here=$source/tests/cli
name=$3
photos=$source/examples/photos
lite0=$source/examples/efficientnet_lite0
golden=${GOLDEN:-$source/tests/golden}
models=$golden/models
cases=$golden/cases

work=$(mktemp -d)
work=$(realpath "$work")
trap 'rm -rf "$work"' EXIT
mkdir "$work/run"
cd "$work/run" || exit 1
LC_ALL=C
export LC_ALL

t() {
    echo "\$ lince $*"
    "$lince" "$@" 2>&1
    status=$?
    [ $status -eq 0 ] || echo "exit $status"
}

# Paths become $names; of scores two digits are kept, since the last ones depend on the processor.
normalise() {
    sed -e "s|$models|\$models|g; s|$cases|\$cases|g; s|$lite0|\$lite0|g; s|$photos|\$photos|g; s|$golden|\$golden|g; s|$work/run|.|g" \
        -e 's/\([^0-9]0\.[0-9][0-9]\)[0-9]*/\1/g' -e 's/\([0-9]\)e-[0-9][0-9]*/\1e-N/g'
}

# What a test needs and the machine has not: ctest reports it as not run.
skip() {
    echo "$*" >"$work/skipped"
    exit
}

(. "$here/$name.sh") 2>&1 | normalise >"$work/got"
if [ -e "$work/skipped" ]; then
    cat "$work/skipped"
    exit 77
fi
if [ -n "${UPDATE:-}" ]; then
    cp "$work/got" "$here/$name.out"
fi
diff -u "$here/$name.out" "$work/got"
