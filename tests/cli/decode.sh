# The checksums are those of TensorFlow's arrays, from tests/golden/decode/manifest.json.
array() {
    head -c 128 "$1" | tail -c +11 | tr -d '\n' | sed 's/ *$//; s/$/\n/'
    tail -c +129 "$1" | sha256sum
}
files=$golden/decode/files
t decode "$files/jpeg_444_q30.jpg" --output a.npy
array a.npy
t decode "$files/jpeg_444_q30.jpg" -o a.npy --dct accurate
array a.npy
t decode "$files/jpeg_444_q30.jpg" -o a.npy --channels 1
array a.npy
t decode "$files/jpeg_444_q30.jpg" -o f.npy --float
head -c 64 f.npy | tail -c +11
echo
t decode - -o b.npy <"$files/jpeg_444_q30.jpg"
t decode "$files/jpeg_444_q30.jpg" -o a.npy
cmp a.npy b.npy && echo "the same from stdin"
"$lince" decode "$files/jpeg_444_q30.jpg" -o - | cmp - a.npy && echo "the same to stdout"
"$lince" decode "$files/jpeg_444_q30.jpg" -o /dev/stdout | cmp - a.npy && echo "the same to a pipe"
t decode "$files/jpeg_exif_6.jpg" -o a.npy
array a.npy
t decode "$files/jpeg_exif_6.jpg" -o a.npy --orient
array a.npy
t decode missing.jpg -o c.npy
t decode . -o c.npy
t decode "$files/empty.bin" -o c.npy
t decode "$files/bmp_trunc.bmp" -o c.npy
t decode - -o c.npy </dev/null
t decode "$photos/chelsea.jpg" -o a.npy/c.npy
t decode "$photos/chelsea.jpg" -o .
t decode "$photos/chelsea.jpg" -o /dev/full
t decode "$photos/chelsea.jpg" -o nowhere/c.npy
ln -s a.npy link.npy
t decode "$photos/chelsea.jpg" -o link.npy
[ -L link.npy ] && head -c 128 a.npy | grep -ao "'shape': ([^)]*)"
ls -A
