# lince run. What TensorFlow gave lies in $cases.
fv=$cases/feature_vector
plain=$fv/plain.in0.npy
tolerance="--atol 3e-5 --rtol 1e-4"
differences() { sed 's/difference .*/difference .../'; }
array() { # NAME DESCR SHAPE BYTES: a .npy file; bytes as printf has them
    printf '\223NUMPY\001\000\166\000%-117s\n' "{'descr': '$2', 'fortran_order': False, 'shape': $3, }" >"$1"
    printf "$4" >>"$1"
}

# One tensor.
t run "$models/feature_vector" --input "$plain" --output y.npy
t run "$models/feature_vector" --input "$plain" --expect y.npy
t run "$models/feature_vector" --input images="$plain" --expect "$fv/plain.out.npy" $tolerance | differences
t run "$models/feature_vector" --input "$plain" --expect "$fv/plain.out.npy" --atol 1e-30 >out
sed 's/: [0-9]* of/: some of/; s/difference .*/difference .../' out | sort
t run "$models/feature_vector" --input "$plain" --expect "$plain"
t run "$models/feature_vector" --input "$plain" --expect "$cases/classifier/train_default.out.npy"
t run "$models/feature_vector" --input "$plain" --expect missing.npy
t run "$models/feature_vector" --input "$plain" --expect .

# NaN equals NaN and nothing else.
array nan.npy '<f4' '(1, 8, 8, 3)' "$(for i in $(seq 192); do printf '%s' '\000\000\300\177'; done)"
array one.npy '>f4' '(1, 8, 8, 3)' "$(for i in $(seq 192); do printf '%s' '\077\200\000\000'; done)"
for name in nan one; do t run "$models/no_variables" --input $name.npy -o $name.out.npy; done
t run "$models/no_variables" --input nan.npy --expect nan.out.npy
t run "$models/no_variables" --input nan.npy --expect one.out.npy --atol 1e300 | sed 's/, expected.*//'
t run "$models/no_variables" --input one.npy --expect nan.out.npy --atol 1e300 --rtol 1e300 | sed 's/: [0-9.]*, expected/, expected/'

# A dict, a list in a list, None.
t run "$models/feature_vector" --input "$plain" --set return_endpoints=true -o ends
ls ends
t run "$models/feature_vector" --input "$plain" --set return_endpoints=true --expect ends
rm ends/stem.npy
mkdir ends/more
cp y.npy ends/more/surplus.npy
t run "$models/feature_vector" --input "$plain" --set return_endpoints=true --expect ends
t run "$models/feature_vector" --input "$plain" --expect ends
t run "$models/feature_vector" --input "$plain" --set return_endpoints=true --expect y.npy
t run "$models/feature_vector" --input "$plain" --set return_endpoints=true --output-key default --expect y.npy
t run "$models/feature_vector" --function pyramid --input "$fv/pyramid.in0.npy" -o pyramid
find pyramid -type f | sort
t run "$models/feature_vector" --function pyramid --input "$fv/pyramid.in0.npy" --output-key 1/1 --expect pyramid/1/1
t run "$models/feature_vector" --function pyramid --input "$fv/pyramid.in0.npy" --output-key 1/2
extra="--input inputs/extra/0=$cases/structures/default.in0.extra.0.npy --input inputs/extra/1=$cases/structures/default.in0.extra.1.npy"
t run "$models/structures" --input 0/image="$cases/structures/default.in0.image.npy" $(echo $extra | sed 's|inputs/|0/|g') -o s
find s -type f | sort
cp y.npy s/a/b.npy
t run "$models/structures" --input inputs/image="$cases/structures/default.in0.image.npy" $extra --expect s
t run "$models/structures" --input inputs/image="$cases/structures/default.in0.image.npy" $extra \
    --set mode='"last"' --set power=3 --set 'names=["a","b"]' --expect "$cases/structures/last.out.npy" --atol 1e9 | differences

# Nodes within. TensorFlow's endpoint "stem" is the first Relu6.
t run "$models/feature_vector" --input "$fv/endpoints.in0.npy" --fetch Relu6 --expect "$fv/endpoints.out.stem.npy" $tolerance | differences
t run "$models/feature_vector" --input "$fv/endpoints.in0.npy" --fetch Relu6 --fetch Conv2D/ReadVariableOp -o nodes
find nodes -type f | sort
t run "$models/feature_vector" --input "$fv/endpoints.in0.npy" --fetch Relu7
t run "$models/feature_vector" --input "$fv/endpoints.in0.npy" --fetch Relu6 --output-key default

# Arguments.
t run "$models/classifier" --input "$cases/classifier/one.in0.npy" --set training=maybe
t run "$models/classifier" --input "$cases/classifier/one.in0.npy" --set training
t run "$models/classifier" --input "$cases/classifier/one.in0.npy" --set =1
t run "$models/classifier" --input "$cases/classifier/one.in0.npy" --set 'training={"a":1,"a":2}'
t run "$models/classifier" --input "$cases/classifier/one.in0.npy" --set training=@missing.npy
t run "$models/classifier" --input "$cases/classifier/one.in0.npy" --training --set training=false
t run "$models/classifier" --input "$cases/classifier/one.in0.npy" --training --no-training
t run "$models/classifier" --input "$cases/classifier/one.in0.npy" --set 'batch_norm_momentum={"a":[null,{}]}' 2>&1 | sed 's/; there are.*//'
t run "$models/classifier" --input "$cases/classifier/one.in0.npy" --function nope
t run "$models/classifier_signatures" --signature nope
t run "$models/classifier" --input =x.npy
t run "$models/classifier" --input x=missing.npy
t run "$models/feature_vector" --input "$fv/train_tensor_momentum.in0.npy" --training \
    --set batch_norm_momentum=@"$fv/train_tensor_momentum.batch_norm_momentum.npy" --expect "$fv/train_tensor_momentum.out.npy" $tolerance | differences

# The state after the call; the files of the model stay as they are.
t run "$models/classifier" --input "$cases/classifier/train_default.in0.npy" --training --variables-after after -o y.npy
t run "$models/classifier" --input "$cases/classifier/train_default.in0.npy" --variables-after before -o y.npy
ls after | wc -l
for i in 0000 0003 0022; do cmp -s before/$i.npy after/$i.npy && echo "$i: the same" || echo "$i: changed"; done

# An op with a seed of its own keeps it, whatever --seed says.
for seed in 1 1 2; do
    "$lince" run "$models/dropout" --input "$cases/dropout/infer.in0.npy" --training --set rate=0.5 --seed $seed -o $seed.seed
    mv $seed.seed/mask.npy last.npy
    [ -e first.npy ] || cp last.npy first.npy
    cmp -s first.npy last.npy && echo "seed $seed: as the first" || echo "seed $seed: another"
done

# Outputs.
cp "$plain" onto.npy
t run "$models/feature_vector" --input onto.npy --output onto.npy
cmp onto.npy y.npy >/dev/null || t run "$models/feature_vector" --input "$plain" --expect onto.npy
mkdir kept
echo mine >kept/notes.txt
t run "$models/feature_vector" --input "$plain" --set return_endpoints=true -o kept
cat kept/notes.txt
t run "$models/feature_vector" --input "$plain" --set return_endpoints=true -o y.npy
t run "$models/feature_vector" --input "$plain" --set return_endpoints=true -o -
t run "$models/feature_vector" --input "$plain" -o /dev/full
"$lince" run "$models/feature_vector" --input "$plain" -o /dev/stdout | cmp - onto.npy && echo "the same to a pipe"
ls -A | grep '^\.'

# NaN is counted, and no part of the smallest, largest and mean.
array mixed.npy '<f4' '(1, 8, 8, 3)' "$(for i in $(seq 64); do printf '%s' '\000\000\300\177\000\000\200\077\000\000\000\100'; done)"
t run "$models/no_variables" --input mixed.npy
t run "$models/no_variables" --input nan.npy

# A link to a folder stays, and so does the folder's name.
mkdir elsewhere
ln -s elsewhere linked
t run "$models/feature_vector" --input "$plain" --set return_endpoints=true -o linked
[ -L linked ] && ls elsewhere | wc -l
ln -s nothing dangling
t run "$models/feature_vector" --input "$plain" --set return_endpoints=true -o dangling
ls -A | grep '^\.'
