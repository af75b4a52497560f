# Variables: listed, taken out, put in.
t variables "$models/structures"
t variables "$models/structures" --json
t variables "$models/mobile" | tail -n 3
t variables "$models/classifier" --json | grep -o '{"index":1[09][^}]*}'
npz=$(dirname "$models")/../cli/npz

# What numpy wrote.
for name in good compressed; do
    t variables "$models/structures" --import "$npz/$name.npz" --output $name | sed "s|$npz|\$npz|g"
    t info $name >/dev/null
done
diff -r good compressed
cmp good/saved_model.pb "$models/structures/saved_model.pb"
ls -A good good/variables

# Taken out and put in unchanged: the same bytes. The values of an import are those of the next export.
t variables good --export out.npz
t variables good --import out.npz --output again
diff -r good again
t variables "$models/structures" --import out.npz --output good
t variables "$models/structures" --import out.npz --output good --overwrite
diff -r good again
ls -A
cp -r "$models/ckpt_dtypes" own
t variables own --export dtypes.npz
t variables own --import dtypes.npz --output own --overwrite
diff -r own "$models/ckpt_dtypes"
t variables "$models/tf1_module" --export module.npz --quiet
t variables "$models/tf1_module" --import module.npz --output module
diff -r module "$models/tf1_module"

# What does not fit.
for name in missing more shape dtype large object; do
    t variables "$models/structures" --import "$npz/$name.npz" --output new | sed "s|$npz|\$npz|g"
done
t variables "$models/structures" --import "$cases/structures.json" --output new
t variables "$models/structures" --import nothing.npz --output new
t variables "$models/structures" --import out.npz --output nowhere/new
t variables "$models/structures" --import out.npz --output out.npz
t variables "$models/structures" --export nowhere/out.npz
t variables "$models/structures" --import out.npz
t variables "$models/structures" --output new
t variables "$models/structures" --import out.npz --export out.npz
t variables "$models/structures" --export out.npz --json
ls -A

# Taking out to a full disk: an error, and what was there stays.
(ulimit -f 1; trap '' XFSZ; t variables "$models/ckpt_many" --export out.npz)
(ulimit -f 1; trap '' XFSZ; t variables good --import out.npz --output good --overwrite) | sed 's/\.good\.[0-9a-f]*/.good.RANDOM/'
diff -r good again
ls -A
