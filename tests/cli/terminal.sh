script -qec true log </dev/null >/dev/null 2>&1 || skip "no pseudo-terminal can be had"

# On a terminal of 40 columns: a bar that is no wider, that a message erases first, and that is gone at the end.
cp "$photos/chelsea.jpg" good.jpg
echo junk >bad.jpg
mkfifo slow.jpg
(sleep 0.7; cat good.jpg) >slow.jpg &
script -qec "stty cols 40; '$lince' embed '$lite0' slow.jpg bad.jpg good.jpg --output f.npy --batch-size 1" log </dev/null >/dev/null
screen() { # what stands there at the end; the first and the last line are of script itself
    sed -e '1d; /^Script done/d' -e 's/\r$//; s/.*\r\x1b\[K//' log | grep .
}
screen
tr '\r' '\n' <log | sed -n 's/^\x1b\[K\[/[/p' | sed 's/[0-9.]*\/s, .* left/R left/; s/##*/#/; s/\.*]/.]/' | head -n 1 # as wide as the rate leaves it
tr '\r' '\n' <log | sed -n 's/^\x1b\[K\[/[/p' | awk 'length > 39'

# No bar when stderr is no terminal, is told to be quiet, or when results scroll by on the same terminal.
for command in "embed '$lite0' slow.jpg good.jpg -o f.npy 2>err" "embed '$lite0' slow.jpg good.jpg -o f.npy -q" \
    "classify '$lite0' slow.jpg good.jpg --top 1"; do
    (sleep 0.7; cat good.jpg) >slow.jpg &
    script -qec "'$lince' $command" log </dev/null >/dev/null
    grep -c '\x1b' log
    screen
done
cat err

# Names for people's eyes: no control character, old or new, reaches a terminal; all of a long name does.
long=$(printf '%0240d' 7)
mkdir -p names/$long/$long
for name in "$(printf 'c1\302\233')31m" "$(printf 'escape\033')[31m" "$(printf 'not\377utf8')" "$(printf 'two\nlines')" "caf$(printf '\303\251')" \
    "$long/$long/end"; do
    cp good.jpg "names/$name.jpg"
done
t classify "$lite0" names --top 1
"$lince" classify "$lite0" names --top 1 --json | sed 's/,"pred.*//'
echo junk >"names/$(printf 'c1\302\233')31m.jpg"
"$lince" classify "$lite0" names/c1* --top 1
