# The scores are those of TensorFlow: tests/golden/efficientnet_lite0/manifest.json.
cp "$photos"/chelsea.jpg "$photos"/coffee.jpg "$photos"/rocket.jpg .
t classify "$lite0" chelsea.jpg
t classify "$lite0" rocket.jpg chelsea.jpg --top 2 --labels "$lite0/labels.txt"
t classify "$lite0" rocket.jpg --top 2 --crop-pct 0.875
t classify "$lite0" coffee.jpg --top 2 --scores logits | sed 's/\(\.[0-9][0-9]\)[0-9][0-9] /\1 /'
t classify "$lite0" coffee.jpg --top 1 --signature serving_default
t classify "$lite0" coffee.jpg --top 1 --set batch_norm_momentum=0.99 --no-training --size 224
t classify "$lite0" chelsea.jpg --top 2 --json
t classify "$lite0" - --top 1 <chelsea.jpg
t classify "$lite0" - --top 1 --json --quiet <chelsea.jpg | cut -d, -f1-3

# Folders, sorted, with what lies in them; other files are no photos.
mkdir -p album/b album/a album/.hidden
cp chelsea.jpg album/a/2.jpg
cp coffee.jpg album/b/1.JPG
cp rocket.jpg album/z.jpg
cp rocket.jpg album/.hidden/no.jpg
echo "not a photo" >album/notes.txt
t classify "$lite0" album --top 1
t classify "$lite0" coffee.jpg album/a album/z.jpg --top 1 --batch-size 2
mkdir empty
t classify "$lite0" empty
printf 'coffee.jpg\r\n\nalbum/b\nchelsea.jpg' >list
t classify "$lite0" --files-from list --top 1
t classify "$lite0" rocket.jpg --files-from - --top 1 <list

# What cannot be read is reported, and the others go on.
head -c 2000 chelsea.jpg >cut.jpg
: >nothing.png
t classify "$lite0" cut.jpg coffee.jpg missing.jpg nothing.png album/notes.txt chelsea.jpg --top 1 --batch-size 2 >out
grep -c '^lince: ' out
grep -v '^lince: ' out
sed -n 's/^lince: \([^:]*\): .*/\1/p' out
t classify "$lite0" chelsea.jpg --files-from missing.txt

# Many photos come out in order, however they are batched.
for i in 10 11 12 13 14 15 16 17 18 19 20 21; do
    ln -s chelsea.jpg $i.jpg
    ln -s coffee.jpg $i.x.jpg
done
"$lince" classify "$lite0" 1*.jpg 2*.jpg --top 1 --batch-size 5 --threads 2 | awk '{print $1, $3, $4}' >got
for i in 10 11 12 13 14 15 16 17 18 19 20 21; do
    echo "$i.jpg Egyptian cat"
    echo "$i.x.jpg espresso "
done | diff - got && echo "24 photos in order"
