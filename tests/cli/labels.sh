cp "$photos/chelsea.jpg" .
(echo background; cat "$lite0/labels.txt") >1001.txt
t classify "$lite0" chelsea.jpg --top 1 --labels 1001.txt
t classify "$lite0" chelsea.jpg --top 1 --labels 1001.txt --quiet
head -n 999 "$lite0/labels.txt" >999.txt
t classify "$lite0" chelsea.jpg --labels 999.txt
t classify "$lite0" chelsea.jpg --labels missing.txt
t classify "$lite0" chelsea.jpg --labels "$photos/chelsea.jpg"
sed 's/$/\r/' "$lite0/labels.txt" >dos.txt
echo >>dos.txt
t classify "$lite0" chelsea.jpg --top 1 --labels dos.txt

# Names come from strangers: no control character reaches the terminal, and JSON stays UTF-8.
sed 's/Egyptian/\x1b[31m/; s/tiger cat/\xff/' "$lite0/labels.txt" >names.txt
t classify "$lite0" chelsea.jpg --top 2 --labels names.txt
t classify "$lite0" chelsea.jpg --top 2 --labels names.txt --json | cut -d] -f1,2
cp -r "$lite0" bare_lite0
rm bare_lite0/labels.txt
t classify bare_lite0 chelsea.jpg --top 1
t classify bare_lite0 chelsea.jpg --top 1 --json | cut -d] -f1

# What Windows writes; a list of names too.
printf '\357\273\277' | cat - "$lite0/labels.txt" | sed 's/$/\r/' >bom.txt
t classify "$lite0" chelsea.jpg --top 1 --labels bom.txt --scores sigmoid
printf '\357\273\277chelsea.jpg\r\n' >list.txt
t classify "$lite0" --files-from list.txt --top 1
sed -n 1p bom.txt | od -An -c | head -n 1

# Labels from the model's own assets; features are no classes, and a model that tells nothing is asked about.
t classify "$models/assets_table" chelsea.jpg --top 2
t classify "$models/nested_calls" chelsea.jpg
t classify "$models/feature_vector" chelsea.jpg
t classify "$models/feature_vector" chelsea.jpg --scores logits --top 1 | sed 's/\(\.[0-9][0-9]\)[0-9][0-9] /\1 /'
t classify "$models/vit" chelsea.jpg --top 1
t classify "$models/vit" chelsea.jpg --top 1 --quiet

# Probabilities stay as they are, which is said; a result of several parts wants a choice.
t classify "$models/classifier_signatures" chelsea.jpg --size 16 --signature serving_default
t classify "$models/classifier_signatures" chelsea.jpg --size 16 --signature serving_default --output-key nope
for key in logits probabilities classes; do
    t classify "$models/classifier_signatures" chelsea.jpg --size 16 --signature serving_default --output-key $key --top 1
    "$lince" classify "$models/classifier_signatures" chelsea.jpg --size 16 --signature serving_default --output-key $key --json 2>/dev/null |
        grep -o '"scores":"[a-z]*"'
done

# Sizes below the smallest.
t classify "$models/classifier_signatures" chelsea.jpg
t classify "$models/classifier_signatures" chelsea.jpg --size 4x9
t classify "$models/classifier_signatures" chelsea.jpg --size 5 --top 1 --quiet
t classify "$models/classifier" chelsea.jpg --size 17

# A model of any size whose signature is for 16x16: the sizes of the signature's last argument are written over, in as many bytes.
cp -r "$models/bit" signed
any='\x12\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01' sixteen='\x12\x0b\x08\x90\x80\x80\x80\x80\x80\x80\x80\x80\x00'
sed -z "s/\(\xaa\x03F\nD\n\x06images\x12:\x8a\x027\n\x06images\x12[^\x08]*$any\)$any$any/\1$sixteen$sixteen/" \
    "$models/bit/saved_model.pb" >signed/saved_model.pb
"$lince" info signed | grep 'images:'
t classify signed chelsea.jpg --top 1
t classify signed chelsea.jpg --top 1 --size 16 --quiet
t classify signed chelsea.jpg --top 1 --signature serving_default --quiet
