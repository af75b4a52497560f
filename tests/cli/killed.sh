# A killed command leaves neither a half file nor a temporary one.
mkfifo photo.jpg
cp "$photos/chelsea.jpg" .
echo old >f.npy
for signal in INT TERM HUP; do
    # A shell has its background commands ignore INT, and nohup has all ignore HUP.
    env --default-signal=INT,TERM,HUP "$lince" embed "$lite0" chelsea.jpg photo.jpg --output f.npy --batch-size 1 2>/dev/null &
    until ls -A | grep -q '^\.f\.npy\.' || ! kill -0 $!; do sleep 0.05; done
    kill -$signal $!
    { wait $!; echo "$signal: $?" >status; } 2>/dev/null
    cat status
    rm status
    ls -A
done
cat f.npy

# A reader that goes away, and a stdout that is closed or full, end it with 1.
{ sleep 1; "$lince" ops; echo $? >status; } | true
cat status
# More than is written at once, so that it is not the last write that fails.
{ sleep 1; "$lince" info "$lite0" --json; echo $? >status; } | true
cat status
"$lince" ops >&-
echo $?
"$lince" ops >/dev/full
echo $?
"$lince" classify "$lite0" chelsea.jpg --json >/dev/full
echo $?
"$lince" --version >/dev/full
echo $?

# A folder is there whole or not at all, and no other one is left.
for signal in INT TERM; do
    env --default-signal=INT,TERM,HUP "$lince" run "$models/ckpt_many" --input "$cases/ckpt_many/plain.in0.npy" --variables-after after >out 2>&1 &
    for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        ls -A | grep -q '^\.after\.' && break
        sleep 0.02
    done
    kill -$signal $! 2>/dev/null
    wait $! 2>/dev/null
    ls -A | grep '^\.'
    [ ! -e after ] || ls after | wc -l | sed 's/^3002$/all/'
    rm -rf after
done | sort -u | grep -v all

# So is a model: a signal waits until it is.
"$lince" variables "$models/ckpt_many" --export many.npz
for pause in 0.01 0.02 0.03 0.05 0.1; do
    for signal in INT TERM; do
        env --default-signal=INT,TERM,HUP "$lince" variables "$models/ckpt_many" --import many.npz --output new --overwrite >/dev/null 2>&1 &
        sleep $pause
        kill -$signal $! 2>/dev/null
        wait $! 2>/dev/null
        ls -A | grep '^\.'
        [ ! -e new ] || diff -r -x fingerprint.pb new "$models/ckpt_many"
    done
done
ls -A | grep -v "^new$"
