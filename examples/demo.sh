#!/bin/sh
# What `make demo` ends with: the classes of real photos, found by a real network.
set -eu
cd "$(dirname "$0")/.."
set -- classify examples/efficientnet_lite0 examples/photos/chelsea.jpg examples/photos/coffee.jpg \
    examples/photos/china.jpg examples/photos/rocket.jpg examples/photos/flower.jpg examples/photos/astronaut.jpg \
    --labels examples/efficientnet_lite0/labels.txt --top 1
echo "\$ build/release/lince classify examples/efficientnet_lite0 \\"
echo "    examples/photos/{chelsea,coffee,china,rocket,flower,astronaut}.jpg \\"
echo "    --labels examples/efficientnet_lite0/labels.txt --top 1"
exec build/release/lince "$@"
