# tools/deps.sh on machines made of stubs: all there, something missing, too old, not to be installed, installed by apt, no root.
set -u
unset LINCE_NO_INSTALL # who runs the tests may have set it
tools=$1
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir "$tree/bin"
cd "$tree" || exit 1
for real in sh cat awk sed sort env; do
    ln -s "$(command -v $real)" bin/$real
done

stub() { # NAME, its script
    printf '#!/bin/sh\n%s\n' "$2" >"bin/$1"
    chmod +x "bin/$1"
}
for program in make cc ninja pkg-config protoc-c; do
    stub $program 'exit 0'
done
stub cmake 'echo "cmake version 3.22.1"'
stub id 'echo ${STUB_ID:-0}'
stub apt-get 'exit 1'

try() { # WHAT, what it must say; its variables come from the environment
    echo "$2" >wanted
    { PATH=$tree/bin sh "$tools/deps.sh" && echo fine; } >found 2>&1
    diff wanted found || { echo "that was: $1"; exit 1; }
}
try "all is there" "fine"

rm bin/ninja
LINCE_NO_INSTALL=1 try "one is missing, and is not to be installed" "lince: missing: ninja
lince: to install it: apt-get install -y --no-install-recommends ninja-build
lince: LINCE_NO_INSTALL=1, so this is left to you"
STUB_ID=1000 try "no root" "lince: missing: ninja
lince: to install it: sudo apt-get install -y --no-install-recommends ninja-build
lince: that needs root, and there is no sudo"

# apt's lists are empty, so that it fails until they are refreshed.
stub apt-get 'echo "apt-get $*"; [ "$1" != update ] || { : >lists; exit; }
[ -e lists ] || exit 100
printf "#!/bin/sh\n" >bin/ninja && exec chmod +x bin/ninja'
ln -s "$(command -v chmod)" bin/chmod
try "apt without lists" "lince: missing: ninja
lince: to install it: apt-get install -y --no-install-recommends ninja-build
apt-get install -y --no-install-recommends ninja-build
apt-get update
apt-get install -y --no-install-recommends ninja-build
fine"

stub cmake 'echo "cmake version 3.18.4"'
try "too old, also after apt" "lince: missing: cmake>=3.22
lince: to install it: apt-get install -y --no-install-recommends cmake
apt-get install -y --no-install-recommends cmake
lince: still missing: cmake>=3.22"

rm bin/apt-get
try "nothing to install with" "lince: missing: cmake>=3.22
lince: no apt, dnf or brew here; please install what is missing, then try again (Debian calls it: cmake)"
