# Photos in class folders to a new classifier.
model=$models/feature_vector
mkdir -p set/flower set/rocket
for i in 1 2 3 4 5; do
    cp "$photos/flower.jpg" set/flower/$i.jpg
    cp "$photos/rocket.jpg" set/rocket/$i.jpg
done
mkdir set/cat
cp "$photos/chelsea.jpg" set/cat/only.jpg
short() { sed 's/\([0-9]\.[0-9][0-9]\)[0-9]*/\1/g'; }

t retrain "$model" --images set --output new --batch-size 4 --labels-output-file labels.txt --report page.html --summaries-dir events --threads 2 | short
cat labels.txt
ls -A . new new/assets
find events -type f | sort
grep -c '<svg' page.html
grep -o '<td>9 to learn from.*read' page.html

# The numbers are those of the photos that were not trained on, by lince evaluate and classify.
"$lince" retrain "$model" --images set --output report --batch-size 4 --validation-list held.txt --json --quiet >report.json
diff -r new report && echo the same model
cat held.txt
while read -r photo; do
    mkdir -p "held/$(basename "$(dirname "$photo")")"
    cp "$photo" "held/$(basename "$(dirname "$photo")")"
done <held.txt
"$lince" evaluate report held --json --quiet | grep -o '"accuracy":.*' | sed 's|held/|set/|g; s/,"scores".*//' >evaluated
grep -o '"accuracy":[^{}]*,"top_k":.*' report.json | sed 's/,"preprocessing".*//' | cmp - evaluated && echo the same numbers
"$lince" classify report --files-from held.txt --top 1 --json --quiet |
    sed 's|.*"image":"set/\([^/]*\)/.*"label":"\([^"]*\)".*|\1=\2|' | awk -F= '{n++; right += $1 == $2} END {print right / n}'
sed 's/,"classes":.*//' report.json | short

# A real network, whose last layer is replaced, tells them apart.
t retrain "$lite0" --images set --output lite --batch-size 4 --learning-rate 0.05 --quiet | sed -n 1,3p
t classify lite set/rocket/2.jpg --top 1 | cut -c1-24

# The same bits with other threads and by make_image_classifier's spelling.
t retrain "$model" --image_dir set --saved_model_dir one --batch_size 4 --train_epochs 5 --learning_rate 0.005 --threads 1 --quiet | sed -n 2p
diff -r new one && echo the same model

# Another seed is another model; augmentation and fine-tuning do not depend on threads either.
t retrain "$model" --images set --output seven --batch-size 4 --seed 7 --quiet >out
cmp -s new/variables/variables.data-00000-of-00001 seven/variables/variables.data-00000-of-00001 || echo another model
for threads in 1 3; do
    t retrain "$model" --images set --output tuned$threads --do-fine-tuning --do-data-augmentation --batch-size 4 --epochs 2 --threads $threads --json --quiet | short | sed 's/,"top.*//'
done
diff -r tuned1 tuned3 && echo the same model
t info tuned1 | grep -v '^written by:\|^size:' | sed -n 1,12p

# A classifier's last layer is replaced; then its own variables are trained, the best epoch is kept.
t retrain "$models/classifier" --images set --output cut --epochs 1 --fine-tune-epochs 2 --batch-size 4 --keep-best --early-stopping 2 --top 2 | short | sed -n 1,4p
t retrain cut --images set --output again --epochs 1 --quiet | sed -n 1,2p

# Killed at any moment, the same command goes on, and ends with the same bits; also with other threads.
arguments="$models/classifier --images set --batch-size 2 --epochs 3 --fine-tune-epochs 20 --do-data-augmentation --checkpoint-seconds 0 --quiet"
"$lince" retrain $arguments --output whole >/dev/null
kills=0
for wait in 0.05 0.1 0.15 0.2 0.25 0.3; do
    "$lince" retrain $arguments --output parts --threads $((1 + kills % 3)) >/dev/null 2>&1 &
    sleep $wait
    kill -9 $! 2>/dev/null && kills=$((kills + 1))
    wait $! 2>/dev/null
done 2>/dev/null
[ $kills -gt 0 ] && echo killed
[ -d parts ] || "$lince" retrain $arguments --output parts >/dev/null
diff -r whole parts && echo the same model
ls -Ad .*checkpoint* 2>/dev/null

# A checkpoint of another training is not taken, nor lost.
"$lince" retrain $arguments --output parts2 >/dev/null 2>&1 &
until [ -e .parts2.checkpoint/state.npz ]; do sleep 0.01; done
kill -9 $! 2>/dev/null
wait $! 2>/dev/null
t retrain $arguments --output parts2 --seed 3
rm -rf .parts2.checkpoint

# What cannot be learned from.
head -c 900 "$photos/rocket.jpg" >set/cat/cut.jpg
t retrain "$model" --images set --output broken --epochs 1 | short | sed -n 1,4p
mkdir -p lone/a empty/a empty/b bad/a bad/b
cp "$photos/rocket.jpg" lone/a
cp "$photos/rocket.jpg" empty/a
cp "$photos/rocket.jpg" bad/a
cp set/cat/cut.jpg bad/b
t retrain "$model" --images lone --output none
t retrain "$model" --images empty --output none
t retrain "$model" --images bad --output none
t retrain "$model" --images set/cat --output none
t retrain "$model" --images nowhere --output none
t retrain nowhere --images set --output none
t retrain "$model" --images set --output new
t retrain "$model" --images set --output lone --overwrite
t retrain "$model" --images set --output nowhere/none
t retrain "$model" --images set --output none --learning-rate 1e30 | short
t retrain "$model" --images set --output new --epochs 0 --overwrite --quiet --json | sed 's/,"preprocessing.*//' | short
ls -A

# Wrong usage.
t retrain "$model" --images set
t retrain "$model" --images set --image_dir lone --output none
t retrain "$model" --images set --output none --tflite_output_file x
t retrain "$model" --images set --output none --distribution_strategy mirrored
t retrain "$model" --images set --output none --set_memory_growth
t retrain "$model" --images set --output none --use_tf_data_input
t retrain "$model" --images set --output none --rotation_range 20
t retrain "$model" --images set --output none --trainable 'stem/*'
t retrain "$model" --images set --output none --do-fine-tuning --fine-tune-epochs 2
t retrain "$model" --images set --output none --validation-split 0 --report page.html
t retrain "$model" --images set --output none --validation_split 1
t retrain "$model" --images set --output none --no_such_option
