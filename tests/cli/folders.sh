cp "$photos/chelsea.jpg" "$photos/coffee.jpg" .

# A link that leads back to where one is ends there; one that leads elsewhere is followed.
mkdir -p walk/a other
cp coffee.jpg walk/x.jpg
cp chelsea.jpg other/y.jpg
ln -s .. walk/a/up
ln -s . walk/self
ln -s nowhere walk/gone.jpg
ln -s itself walk/itself
ln -s ../other walk/b
t classify "$lite0" walk --top 1

# A folder that cannot be read is reported as a photo is.
deep=deep
for i in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do deep=$deep/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d; done
mkdir -p $deep
cp coffee.jpg deep
t classify "$lite0" deep --top 1 >out
sed -E 's|deep(/d)+|deep/d...|' out

# Nothing to do is no failure, but it is said.
mkdir empty
: >list
t classify "$lite0" empty
t classify "$lite0" --files-from list
t classify "$lite0" --files-from - </dev/null
t classify "$lite0" --files-from - --quiet </dev/null

# Photos may come through a pipe; what never ends, or is too much, is no photo.
mkfifo pipe.jpg
cat chelsea.jpg >pipe.jpg &
truncate -s 5G huge.jpg
t classify "$lite0" pipe.jpg huge.jpg /dev/null coffee.jpg coffee.jpg --top 1
t decode huge.jpg -o x.npy
t classify "$lite0" coffee.jpg --files-from huge.jpg
ls *.npy 2>/dev/null
