# The commands that README and CONTRIBUTING show, and what README says comes of them.
pages="$source/README.md $source/CONTRIBUTING.md"

# Blocks with "$ COMMAND" and its output.
awk '/^```/ { inside = !inside; if (!inside) print ""; next } inside' "$source/README.md" | sed -n '/^\$ /,/^$/{/./p}' >shown
sed -n 's/^\$ //p' shown | sed "s|build/release/lince|\"$lince\"|" >commands
while read -r command; do
    echo "$(sed -n 's/^\$ //p' shown | head -n 1)" | sed 's/^/$ /'
    (cd "$source" && bash -c "$command" 2>&1)
done <commands >ran
grep -c . commands
# The last digits of a score depend on the processor.
for file in shown ran; do sed -i 's/\(0\.[0-9][0-9]\)[0-9]*/\1/' $file; done
diff shown ran && echo "as README shows"
demo=$(sed -n "s/^command='\(.*\)'$/\1/p" "$source/examples/demo.sh")
grep -qxF "\$ $demo" "$source/README.md" || echo "make demo runs another command: $demo"

# Commands within sentences and tables, with something for each of their words.
(printf '\223NUMPY\001\000\166\000%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 224, 224, 3), }"; head -c 602112 /dev/zero) >images.npy
mkdir -p "DIR/Egyptian cat" DIR/espresso
for i in 1 2 3; do
    cp "$photos/chelsea.jpg" "DIR/Egyptian cat/$i.jpg"
    cp "$photos/coffee.jpg" DIR/espresso/$i.jpg
done
grep -oh '`lince [^`]*`' $pages | tr -d '`' | awk '!seen[$0]++' | while read -r command; do
    cp images.npy X.npy
    rm -rf new
    line=$(echo "$command" | sed "s|^lince|\"$lince\"|; s|MODEL|$lite0|; s|--output DIR|--output new|; s|IMAGE\.*|$photos/chelsea.jpg|; s|COMMAND|embed|; s|info\$|info $lite0|; s|\(lince\" bench.*\)|\1 --seconds 0|")
    if bash -c "$line" >out 2>&1; then echo "$command" >>done; else echo "$command: failed"; cat out; fi
done

[ "$(grep -c . done)" -gt 8 ] && echo "commands within sentences run"

# The op that CONTRIBUTING quotes is the one of the tree.
sed -n '/^+++ b.src.ops.invert\.c$/,/^---/s/^+\([^+]\|$\)/\1/p' "$source/CONTRIBUTING.md" | diff - "$source/src/ops/invert.c" && echo "the quoted op is there"

# Targets of make and of the build, tests by name.
grep -oh 'make [a-z][a-z-]*' $pages | sort -u | grep -v 'make one' | while read -r command; do
    make -n -C "$source" "${command#make }" >/dev/null 2>&1 || echo "$command: no such target"
done
"$CMAKE" --build "$BUILD" --target help >targets
grep -oh -e '--target [a-z_]*' $pages | sort -u | while read -r _ target; do
    grep -q "^$target:\|: $target$\|^\.* *$target\b" targets || echo "$target: no such target"
done
grep -oh -e '-R [a-z_]*' $pages | sort -u | while read -r _ name; do
    "${CMAKE%cmake}ctest" --test-dir "$BUILD" -N -R "$name" | grep -q "#[0-9]*: .*$name" || echo "$name: no such test"
done
grep -oh '`\(tools\|docs\|tests\|examples\|src\|include\|\.ci\)/[A-Za-z0-9_./]*`' $pages | tr -d '`' | sort -u | while read -r file; do
    [ -e "$source/$file" ] || echo "$file: not there"
done
grep -oh '](\([^)]*\))' $pages | tr -d '()]' | grep -v '^https' | sort -u | while read -r file; do
    [ -e "$source/$file" ] || echo "$file: not there"
done

# Files that the map of the code names, some of them without their folder.
(cd "$source" && find app src tests tools fuzz include -type f) >files
grep -oh '`[A-Za-z0-9_./]*\.\(c\|h\|def\|proto\|cmake\)`' "$source/docs/design.md" "$source/docs/format.md" | tr -d '`' | sort -u | while read -r file; do
    grep -q "\(^\|/\)$file\$" files || echo "$file: not there"
done
