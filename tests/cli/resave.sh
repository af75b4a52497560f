# A new model: with signatures, cut to a feature vector, for images in [0, 1].
t resave "$models/classifier" --feature-vector --output features
t info features | grep -v '^written by:\|^size:'
t embed features "$photos/flower.jpg" --output row.npy --quiet
t resave features --signature --output again
t resave "$models/vit" --signature --size 16 --output served
t info served | sed -n '/^callables/,/^$/p'
t resave "$models/vit" --range -1,1 --output mapped
t classify mapped "$photos/flower.jpg" --top 2
t classify "$models/vit" "$photos/flower.jpg" --top 2 --range -1,1

# Nothing is replaced unless that is said, and what fails leaves nothing.
t resave "$models/vit" --signature --output served
t resave "$models/vit" --signature --output served --overwrite --quiet
t resave "$models/vit" --output new
t resave "$models/vit" --signature
t resave "$models/feature_vector" --feature-vector --output new
t resave "$models/tf1_module" --signature --output new
t resave "$models/classifier_signatures" --signature=serving_default --output new
t resave missing --signature --output new
ls -A
