# How classifiers end: what TensorFlow answers stands in heads/README.md.
heads=$here/heads
cp "$heads"/a.png "$heads"/b.png .
for name in binary_sigmoid binary_logit binary_flat multilabel softmax logits top_texts top_numbers all_texts; do
    ln -s "$heads/$name" $name
done
short() {
    sed 's/\(\.[0-9][0-9]\)[0-9][0-9]  /\1  /'
}

# One number is of two classes, whether it went through a sigmoid or not.
t classify binary_sigmoid a.png b.png
t classify binary_logit a.png b.png
t classify binary_flat a.png
printf 'cat\ndog\n' >two.txt
t classify binary_sigmoid a.png --labels two.txt
t classify binary_logit b.png --labels two.txt --top 1 --json
t classify binary_logit b.png --labels two.txt --scores logits | short
t classify binary_logit b.png --labels two.txt --scores softmax
cat two.txt two.txt >four.txt
t classify binary_sigmoid a.png --labels four.txt

# Many sigmoids are read one by one, whatever is asked for; a softmax is printed as it is.
t classify multilabel a.png --top 2
t classify multilabel a.png --top 2 --scores softmax --quiet
t classify multilabel a.png --top 2 --scores sigmoid --json --quiet
t classify softmax b.png
t classify logits b.png --quiet
t classify logits b.png --scores sigmoid --quiet

# A model that sorts its classes says which they are.
t classify top_texts a.png b.png | short
t classify top_texts a.png --json --quiet | cut -d] -f1 | sed 's/\(\.[0-9][0-9]\)[0-9]*/\1/g'
t classify top_texts a.png --labels two.txt
t classify top_numbers a.png --top 1
t classify top_numbers a.png --labels four.txt --json
t classify all_texts a.png --top 2

# What else is said of them, and embed.
for name in binary_logit multilabel top_texts; do
    t info $name | sed -n '1,6p'
done
t info multilabel --json | tr , '\n' | grep -E '"(task|task_reason|outputs|scores)"'
t embed multilabel a.png -o x.npy
t embed binary_flat a.png -o x.npy
t embed binary_sigmoid a.png b.png -o x.npy --quiet

# Photos have three channels and have them last; noise has what the model wants.
ln -s "$heads/grey" grey
ln -s "$heads/channels_first" channels_first
t classify grey a.png
t classify channels_first a.png
t explain grey >explained && grep -q Conv2D explained && echo planned
t bench grey --seconds 0 --json | grep -o '"batch":1'

# numpy stores bfloat16 as <u2: it is taken for what the trace wants.
ln -s "$heads/bfloat16" bfloat16
cp "$heads/bfloat16.npy" bits.npy
t run bfloat16 --input bits.npy --output y.npy
t run bfloat16 --input images=bits.npy --expect y.npy
t run logits --input bits.npy | cut -d';' -f1
