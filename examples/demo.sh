#!/bin/bash
# What `make demo` ends with, and README shows: the classes of real photos, found by a real network.
set -eu
cd "$(dirname "$0")/.."
command='build/release/lince classify examples/efficientnet_lite0 examples/photos/{chelsea,coffee,china,rocket,flower,astronaut}.jpg --top 1'
echo "$ $command"
eval "exec $command"
