cp "$photos"/chelsea.jpg "$photos"/coffee.jpg "$photos"/rocket.jpg .
header() {
    head -c 128 "$1" | tail -c +11 | tr -d '\n' | sed 's/ *$//; s/$/\n/'
}
t embed "$lite0" rocket.jpg chelsea.jpg missing.jpg coffee.jpg --output f.npy --batch-size 2
header f.npy
cat f.txt
wc -c <f.npy
for name in rocket chelsea coffee; do
    t embed "$lite0" $name.jpg --output $name.npy --names $name.names --quiet
    cat $name.names
done
t embed "$lite0" rocket.jpg chelsea.jpg coffee.jpg --output again.npy --batch-size 2 --json
cmp f.npy again.npy && echo "the same again"
mkdir empty
t embed "$lite0" empty --output none.npy
header none.npy
wc -c <none.txt
t embed "$lite0" missing.jpg --output none.npy
header none.npy
t embed "$lite0" chelsea.jpg --output /dev/full --names names
t embed "$lite0" chelsea.jpg --output full.npy --names /dev/full
t embed "$lite0" chelsea.jpg --output f.npy/f.npy
t embed "$lite0" chelsea.jpg --output empty
t embed missing chelsea.jpg --output kept.npy >out
sed -n 's/^lince: \([^:]*\): .*/\1/p' out
ls kept* 2>/dev/null
"$lince" embed "$lite0" chelsea.jpg --output - --names names | cmp - chelsea.npy && echo "the same to stdout"
ls -A

# A name of two lines cannot stand in the list of names.
mkdir odd
cp chelsea.jpg odd/"$(printf 'two\nlines')".jpg
cp coffee.jpg odd/one.jpg
t embed "$lite0" odd --output odd.npy
cat odd.txt
header odd.npy

# Both outputs are written, or none.
for names in /dev/full nowhere/names; do
    t embed "$lite0" chelsea.jpg --output none.there --names $names
done
t embed "$lite0" chelsea.jpg --output /dev/full --names none.there
ls none.there 2>/dev/null || echo "nothing was left"
t embed "$lite0" chelsea.jpg --output both --names both
t embed "$lite0" chelsea.jpg --output -
t embed "$lite0" chelsea.jpg --output /dev/null
t embed "$lite0" chelsea.jpg --output - --names names --json
echo chelsea.jpg >list.txt
t embed "$lite0" --files-from list.txt --output list.npy
t embed "$lite0" --files-from list.txt --output list.npy --names list.names
cat list.txt list.names

# The same bits for any number of threads.
for threads in 1 3; do
    "$lince" embed "$lite0" rocket.jpg chelsea.jpg coffee.jpg --output threads$threads.npy --threads $threads --quiet
done
cmp threads1.npy threads3.npy && echo "the same with 1 and 3 threads"

# Scores of classes are no features, unless they were asked for.
t embed "$lite0" chelsea.jpg --output f.npy --signature serving_default
t embed "$models/feature_vector" chelsea.jpg --output f.npy --size 16
