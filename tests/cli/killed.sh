# A killed command leaves neither a half file nor a temporary one.
mkfifo photo.jpg
cp "$photos/chelsea.jpg" .
echo old >f.npy
for signal in INT TERM HUP; do
    # A shell has its background commands ignore INT.
    env --default-signal=INT "$lince" embed "$lite0" chelsea.jpg photo.jpg --output f.npy --batch-size 1 2>/dev/null &
    until ls -A | grep -q '^\.f\.npy\.'; do sleep 0.05; done
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
"$lince" ops >&-
echo $?
"$lince" ops >/dev/full
echo $?
"$lince" classify "$lite0" chelsea.jpg --json >/dev/full
echo $?
"$lince" --version >/dev/full
echo $?
