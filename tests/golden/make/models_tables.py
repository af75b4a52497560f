"""Tables read from a text file whose lines do not count from 0, as those of Keras' lookup layers do not."""

import os
import tempfile

import numpy as np
import tensorflow as tf

from goldens import Case, model_dir, tidy
from models_checkpoints import root_of

CLASSES = tf.TensorSpec([None], tf.int64, name="classes")


def table(file, key, value, offset, default):
    lookup = {"line": (tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER), "text": (tf.string, tf.lookup.TextFileIndex.WHOLE_LINE),
              "number": (tf.int64, tf.lookup.TextFileIndex.WHOLE_LINE)}
    init = tf.lookup.TextFileInitializer(file, *lookup[key], *lookup[value], value_index_offset=offset)
    return tf.lookup.StaticHashTable(init, default)


def build_tables(out):
    # The files are written where only their relative names enter the graph.
    here = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            with open("labels.txt", "w") as file:
                file.write("ant\nbee\r\ncat\ndog")
            with open("years.txt", "w") as file:
                file.write("1999\n 2004 \n-3\n")
            labels = table("labels.txt", "line", "text", 1, "?")
            indices = table("labels.txt", "text", "line", 10, -1)
            years = table("years.txt", "number", "line", 2, 0)

            @tf.function(input_signature=[CLASSES])
            def label(classes):
                return labels.lookup(classes)

            @tf.function(input_signature=[CLASSES])
            def index(classes):
                return indices.lookup(tf.gather(["dog", "ant", "bee\r", "bee", "cow"], classes))

            @tf.function(input_signature=[CLASSES])
            def year(classes):
                return years.lookup(classes)

            path = model_dir(out, "table_offsets")
            tf.saved_model.save(root_of(label, [], index=index, year=year, tables=[labels, indices, years]), path)
            tidy(path)
        finally:
            os.chdir(here)


def cases_tables(out):
    c = Case(out, "table_offsets", about="tables from files with an offset: keys, values, whole lines that are integers")
    for name in ("__call__", "index", "year"):
        c.traces(name)
    c.call("label", "__call__", np.arange(6, dtype=np.int64))
    c.call("index", "index", np.arange(5, dtype=np.int64))
    c.call("year", "year", np.array([1999, 2004, -3, 0], np.int64))
    c.write()
