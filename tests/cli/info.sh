t info "$models/classifier_signatures"
t info "$models/structures"
t info "$models/no_variables" --json
t info "$models/classifier_minimal" --losses --json | tr ',' '\n' | sed -n '/^"losses"/p; /^"loss_values"/,/^"assets"/s/\(-*[0-9]*\.[0-9][0-9]\)[0-9]*/\1/p'

# Task, images and outputs of every model.
for model in "$models"/*; do
    "$lince" info "$model" | sed -n 's/^task: *//p; s/^images: */    /p; s/^outputs: */    -> /p' | tr -d '\n' | sed "s|^|$(basename "$model"): |; s|\$|\n|"
    "$lince" info "$model" --json | grep -c '^{"model":.*"tags":.*"task":.*"image":.*"outputs":.*"callables":.*"signatures":.*"ops":.*"unsupported":.*"losses":.*"assets":.*"graph_bytes":.*"variable_bytes":.*"variables":\[.*\]}$' | grep -v '^1$'
done

# What is no such model is named for what it is.
mkdir html keras tfjs empty nested frozen tf1
echo '<!DOCTYPE html><html><body>404</body></html>' >html/saved_model.pb
printf 'PK\003\004' >keras/model.keras
printf '\211HDF\r\n\032\n' >keras.h5
printf '\034\000\000\000TFL3' >model.tflite
printf '\037\213\010' >model.tar.gz
echo '{"format":"graph-model"}' >tfjs/model.json
cp -r "$models/no_variables" nested
echo frozen >frozen/graph.pb
: >tf1/tfhub_module.pb
for what in html keras keras/model.keras keras.h5 model.tflite model.tar.gz tfjs tfjs/model.json empty nested frozen frozen/graph.pb tf1 \
    nested/no_variables/saved_model.pb missing /dev/null https://tfhub.dev/google/imagenet/mobilenet_v2_100_224/classification/5; do
    t info "$what"
done
head -c 5000 "$models/no_variables/saved_model.pb" >nested/no_variables/saved_model.pb
t info nested/no_variables >out
sed 's/: .*/: .../' out
rm nested/no_variables/saved_model.pb
t info nested/no_variables
