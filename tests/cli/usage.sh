t
t --help
t help ops
t --frob
t frob
t help frob
t classify
t classify model
t info
t info a b
t ops a
t classify model a.jpg --losses
t classify model a.jpg --frob
t classify model a.jpg --frob=1
t classify model a.jpg --json=1
t classify model a.jpg -z
t classify model a.jpg --top
t classify model a.jpg --top 0
t classify model a.jpg --top=3x
t classify model a.jpg --scores best
t classify model a.jpg --size 0x4
t classify model a.jpg --size 224y224
t classify model a.jpg --resize fit
t classify model a.jpg --crop-pct 1.5
t classify model a.jpg --range 0,2
t classify model a.jpg --mean 1,2
t classify model a.jpg --std 1,0,1
t classify model a.jpg --range -1,1 --mean 0,0,0
t classify model a.jpg --files-from - -
t classify model - -
t classify model a.jpg --threads 0
t classify model a.jpg --memory-limit lots
t embed model a.jpg
t decode a.jpg
t decode a.jpg -o a.npy --channels 2
t bench model --seconds long
t run model --expect a.npy --rtol -1
t run model --input x.npy --input

# Mistyped words, and letters in bundles.
t clasify model a.jpg
t benhc model
t classify model a.jpg --lables=x
t classify model a.jpg --tpo 3
t run model --ou y.npy
t run model --ouptut y.npy
t classify model a.jpg --json -qz
t classify model a.jpg --batch=0x4
t decode a.jpg -qo

# Numbers.
t classify model a.jpg --threads 1000000000
t classify model a.jpg --threads -1
t bench model --batch 0
for size in 512 512M 512MB 1.5gib 64k 7B; do "$lince" info model --memory-limit $size 2>&1; done | sed 's/[0-9]* bytes: [0-9]* are/N bytes: N are/' | sort -u
for size in '' 0 -5 0x10 inf nan 5Z 1.2.3G 512MiBs 9e99; do
    "$lince" info model --memory-limit "$size" >/dev/null 2>&1
    echo $?
done | uniq -c

# Images of bytes are of 0 to 255; a trace may say how many.
cp "$photos/chelsea.jpg" a.jpg
t classify "$models/uint8_input" a.jpg --size 32 --range -1,1
t classify "$models/uint8_input" a.jpg --size 32 --mean 0,0,0
t classify "$models/uint8_input" a.jpg --size 32 --range 0,255 --output-key logits --top 1 >ranged
t classify "$models/uint8_input" a.jpg --size 32 --output-key logits --top 1 >plain
tail -n 1 ranged | diff - plain | grep '^<'
