# Models of TensorFlow 1: what is called, with which images, when nobody says. What TensorFlow answers stands in heads/README.md.
cp "$here"/heads/a.png .
cp -r "$here"/heads/hub_module hub
short() {
    sed 's/\(\.[0-9][0-9]\)[0-9][0-9]$/\1/; s/\(\.[0-9][0-9]\)[0-9][0-9]  /\1  /'
}

# A Hub module: signature default, its size from the attachment; another signature by name.
t info hub
t info hub --json | tr '{}[]' '\n\n\n\n' | grep -E '"(default|default_height|output)"'
t embed hub a.png -o y.npy
t embed hub a.png -o y.npy --signature image_classification
t classify hub a.png
t classify hub a.png --scores logits --top 2 --quiet | short
t classify hub a.png --signature image_classification --scores logits --top 2 | short
t classify hub a.png --signature image_classification --output-key Tiny/Features --top 1 --scores logits | short
t classify hub a.png --signature image_classification --output-key Tiny/Other
t classify hub a.png --signature classes
t explain hub --quiet | tail -n 1 | sed 's,([0-9.]* kB,(N kB,' # packed weights differ between processors
t bench hub --seconds 0 --quiet --json | grep -o '"calls":[1-9]'

# Arrays: a signature's result is a dict.
t run "$models/tf1_module" --input "$cases/tf1_module/positional.in0.npy" -o dict
find dict -type f
t run "$models/tf1_module" --input "$cases/tf1_module/positional.in0.npy" --output-key default --expect dict/default.npy
t run "$models/tf1_module" --signature image_classification --input images="$cases/tf1_module/positional.in0.npy" -o dict --quiet
find dict -type f | sort

# Which meta graph.
t info hub --tags train | grep '^written'
t info hub --tags serve
rm hub/tfhub_module.pb
t info hub
t info hub --tags '' | grep '^default'
t embed hub a.png -o y.npy --tags train --signature image_classification

# What serves, and what has nothing that stands out.
t classify "$models/tf1_serving" a.png --top 1
t info "$models/tf1_serving" | sed -n '1,5p'
sed 's/serving_default/serving_nothing/g' "$models/tf1_serving/saved_model.pb" >one.pb
cp -r "$models/tf1_serving" one
chmod -R u+w one hub
cp one.pb one/saved_model.pb
t classify one a.png --top 1 --quiet
sed -i 's/default/defaulT/g' hub/saved_model.pb
t info hub --tags '' | sed -n '2,5p'
t explain hub --tags ''
