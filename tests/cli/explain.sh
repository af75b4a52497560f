# What a packed filter is depends on the processor; not so with the plain loops.
LINCE_ISA=ref
export LINCE_ISA
t explain "$models/no_variables"
t explain "$models/no_variables" --batch-size 3 --json
t explain "$models/dilated" --size 9x11
t explain "$models/dilated" --size 3
t explain "$models/classifier" --training --set batch_norm_momentum=0.9 | grep -c AssignSub
t explain "$models/structures" --input inputs/image="$cases/structures/default.in0.image.npy" \
    --input inputs/extra/0="$cases/structures/default.in0.extra.0.npy" --input inputs/extra/1="$cases/structures/default.in0.extra.1.npy" | tail -n 1

# Bodies are indented under what runs them.
t explain "$models/tf1_switch_merge" --quiet
t explain "$models/tf1_switch_merge" --quiet --json | grep -c '"depth":1'

# Where a picture decides a shape, the rest has no plan yet.
cp -r "$here/heads/bright" bright
t explain bright | tail -n 6
t explain bright --json | grep -c '"later":true'

unset LINCE_ISA

# Of a network whose multiplications were counted elsewhere: 385 million.
"$lince" explain "$lite0" | sed -n 's/.* \([0-9.]* GFLOP\)), .*/\1/p'

# bench: one line, or an object with these keys.
"$lince" bench "$lite0" --seconds 0 --threads 1 | sed 's/[0-9][0-9.]*/N/g; s/MB, .*/MB, .../'
"$lince" bench "$lite0" --seconds 0 --batch 2 --threads 2 --concurrency 2 --training --json | sed 's/"machine":".*",/"machine":"...",/; s/"isa":"[a-z0-9]*"/"isa":"..."/' |
    tr ',{}' '\n\n\n' | grep . | sed '/_per_\|_ms"\|min\|p50\|p99\|_bytes/s/:[0-9][0-9.]*$/:N/'
t bench "$models/structures"
t bench "$models/keras3_export" --seconds 0 --quiet --json | grep -o '"calls":[1-9]' 
t bench "$models/classifier" --seconds 0 --set batch_norm_momentum=0.5
