# lince train: what TensorFlow gave is compared by tests/golden; here, that the command says so and keeps it.
head -c 24704 "$cases/training.npys" >x.npy
tail -c +24705 "$cases/training.npys" | head -c 192 >y.npy
model=$models/classifier
arrays="--images x.npy --targets y.npy"
short() { sed 's/\([0-9]\.[0-9][0-9][0-9]\)[0-9]*/\1/g'; }
numbers() { awk '{printf "%.4f\n", $1}' "$1"; }

# As TensorFlow: 1.6941 1.6380 1.5472 after two steps of SGD with momentum.
t train "$model" $arrays --steps 2 --learning-rate 0.05 --momentum 0.9 --set batch_norm_momentum=0.9 --loss-log log --gradients g --output new | short
numbers log
ls g | tr '\n' ' '
ls -A new new/variables
cmp new/saved_model.pb "$model/saved_model.pb"
t run new --input x.npy --output logits.npy
t train new $arrays --steps 0 --set batch_norm_momentum=0.9 --loss-log log | short
numbers log

# Which variables, which batch normalisation, which loss.
t train "$model" $arrays --steps 1 --trainable 'head/*' --no-training --json | short
t train "$model" $arrays --steps 1 --batch-norm batch --optimizer adamw --batch-size 3 --quiet | short
t train "$models/feature_vector" $arrays --steps 1 --trainable 'stem/*' --unlisted --quiet | short
t train "$models/feature_vector" $arrays --steps 1 --trainable 'stem/*'
t train "$model" $arrays --steps 3 --batch-size 5 --loss-log log --verbose | sed '/opened in/d; s/loss  *[0-9].*/loss .../'

# A gradient that the model did not save.
t train "$models/mobile_unsaved_gradient" $arrays --steps 1 --gradients none | short
t train "$models/mobile_unsaved_gradient" $arrays --steps 1 --gradients none --strict-gradients

# Nothing is left of a command that fails.
rm -rf g log new
t train "$model" --images x.npy --targets x.npy --steps 1 --loss-log log --gradients g --output new
t train "$model" $arrays --steps 1 --loss sigmoid --loss-log log --gradients g --output new
t train "$model" $arrays --steps 1 --loss-log log --gradients nowhere/g
t train "$model" $arrays --steps 1 --loss-log log --output x.npy
ls -A

# Wrong usage.
t train "$model" $arrays
t train "$model" $arrays --steps -1
t train "$model" $arrays --steps 1 --optimizer adagrad
t train "$model" $arrays --steps 1 --no-training --batch-norm batch
t train "$model" $arrays --steps 1 --beta1 2
