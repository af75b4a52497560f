# tools/symbols.sh on two small libraries: the same names, one too many, one too few.
set -u
tools=$1
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree/tools" "$tree/tests/abi" "$tree/build"
cp "$tools/symbols.sh" "$tree/tools"
cd "$tree" || exit 1

build() { # SOURCE
    printf '%s\n' "$1" >a.c
    cc -fPIC -c -o a.o a.c && cc -shared -nostdlib -o build/liblince.so a.o && rm -f build/liblince.a && ar qc build/liblince.a a.o
}
build 'int lince_a; int lince_b(void) { return lince_a; }' || exit 1
printf 'lince_a\nlince_b\n' >tests/abi/symbols.txt
sh tools/symbols.sh build || exit 1

build 'int lince_a; int stray(void) { return lince_a; }' || exit 1
sh tools/symbols.sh build >found && { echo "differences were not refused"; exit 1; }
cat >wanted <<'TEXT'
liblince.so differs from tests/abi/symbols.txt (< listed, > exported):
< lince_b
> stray
liblince.a differs from tests/abi/symbols.txt (< listed, > exported):
< lince_b
> stray
TEXT
diff wanted found || exit 1

sh tools/symbols.sh build --update && sh tools/symbols.sh build >found || exit 1
grep -q '^symbols: 2 names' found
