"""Recurrent Keras layers: LSTM, GRU, Bidirectional, masks, cells, ConvLSTM2D, TimeDistributed; Keras 2 and Keras 3."""

import keras as keras3
import numpy as np
import tensorflow as tf
import tf_keras

from flow import FlowCase, Theme, slim
from goldens import model_dir, rng, tidy
from models_keras import randomize

SEQUENCES = tf.TensorSpec([None, None, 3], tf.float32, name="x")


def sequences(n, steps):
    return rng("flow sequences %d %d" % (n, steps)).normal(0, 1, [n, steps, 3]).astype("f")


def padded(n, steps):
    """Sequences of other lengths: steps of zeros at the end, one sequence with none before them."""
    x = sequences(n, steps)
    for i in range(n):
        x[i, max(steps - i * 2, 0) :] = 0
    return x


def caller(name, layer):
    def f(x):
        return layer(x)

    f.__name__ = name
    return f


def flow_rnn(out):
    K = tf_keras.layers
    t = Theme(
        "flow_rnn", "Keras 2 recurrent layers as a saved function calls them: LSTM, GRU, both directions, masks, cells, state"
    )
    two, one, none = (sequences(2, 4),), (sequences(1, 1),), (sequences(0, 4),)
    own = {"recurrent_activation": "hard_sigmoid"}  # without Keras' functions for a GPU
    layers = {
        "lstm": K.LSTM(4, name="a"),
        "lstm_states_back": K.LSTM(2, return_sequences=True, return_state=True, go_backwards=True, activation="relu", name="b"),
        "gru": K.GRU(3, return_sequences=True, name="c"),
        "gru_reset_before": K.GRU(2, reset_after=False, use_bias=False, return_sequences=True, name="d"),
        "cells": K.RNN([K.SimpleRNNCell(3, name="i"), K.LSTMCell(2, name="j")], return_sequences=True, name="e"),
    }
    for name, layer in layers.items():
        layer(sequences(2, 4))
        randomize(layer, name)
        t.net.list += layer.variables
        f = caller(name, layer)
        refused = (
            {"width": ((np.zeros([1, 4, 2], "f"),), "3 features wanted")}
            if name == "lstm"
            else {"no_step": ((sequences(2, 0),), "a sequence without a step")} if name == "gru" else None
        )
        t.function(SEQUENCES, calls={"two": two, "one": one} if name == "gru" else {"two": two, "none": none}, refused=refused)(f)

    masking = K.Masking(0.0)
    masked = K.Bidirectional(K.GRU(2, return_sequences=True, name="g", **own), name="f")
    stateful = K.LSTM(2, stateful=True, return_sequences=True, name="h", **own)
    masked(masking(padded(2, 4)))
    randomize(masked, "masked")
    t.net.list += masked.variables
    stateful(sequences(2, 4))
    stateful.reset_states()
    randomize(stateful.cell, "stateful")
    t.net.list += stateful.variables + [s for s in stateful.states if all(s is not v for v in stateful.variables)]
    for s in stateful.states:
        s.assign(tf.zeros_like(s))

    @t.function(SEQUENCES, calls={"three": (padded(3, 5),), "nothing_but_padding": (np.zeros([1, 2, 3], "f"),)})
    def skips_padding(x):
        return masked(masking(x))

    @t.function(
        tf.TensorSpec([2, None, 3], tf.float32, name="x"), sequence=[(sequences(2, 4),), (sequences(2, 4),), (sequences(2, 1),)]
    )
    def keeps_state(x):
        return stateful(x)

    video = tf.TensorSpec([None, 2, 5, 4, 2], tf.float32, name="x")
    frames = rng("flow frames").uniform(0, 1, [2, 2, 5, 4, 2]).astype("f")
    conv_lstm = K.ConvLSTM2D(2, 3, padding="same", return_sequences=True, name="v")
    each_frame = K.TimeDistributed(tf_keras.Sequential([K.Conv2D(2, 3, strides=2, activation="relu"), K.Flatten()]), name="t")
    for layer, tag in ((conv_lstm, "conv lstm"), (each_frame, "each frame")):
        layer(frames)
        randomize(layer, tag)
        t.net.list += layer.variables

    @t.function(video, calls={"two": (frames,), "none": (frames[:0],)})
    def convolutional(x):
        return conv_lstm(x)

    @t.function(video, calls={"two": (frames,), "one": (frames[:1],)})
    def time_distributed(x):
        return each_frame(x)

    t.build(out)
    t.cases(out)


def flow_keras2(out):
    """A recurrent model as Keras 2 itself saves it."""
    K = tf_keras.layers
    model = tf_keras.Sequential([tf_keras.Input([None, 3], name="steps"), K.SimpleRNN(2, name="r")], name="m")
    randomize(model, "flow keras2")
    path = model_dir(out, "flow_keras2")
    model.save(path, save_format="tf", include_optimizer=False)
    tidy(path)
    slim(path)
    c = FlowCase(out, "flow_keras2", about="Keras 2 SavedModel: SimpleRNN")
    c.traces("__call__")
    x = sequences(3, 4)
    c.call("plain", "__call__", x)
    c.call("infer", "__call__", x[:, :1], training=False)
    c.call("signature", "signatures.serving_default", steps=x)
    c.fails("width", "__call__", x[:, :, :2], reason="3 features wanted")
    c.write()


def flow_keras3(out):
    L = keras3.layers
    keras3.utils.set_random_seed(3)
    image = keras3.Input([6, 5, 1], name="image")
    x = L.Reshape([6, 5])(L.Conv2D(1, 3, padding="same")(image))
    lstm = L.Bidirectional(L.LSTM(2, return_sequences=True, name="l"), name="b")(x)
    masked = L.GRU(2, go_backwards=True, name="g")(L.Masking(0.0)(L.Permute([2, 1])(x)))
    film = L.Reshape([2, 3, 5, 1])(image)
    conv = L.ConvLSTM2D(1, 2, padding="same", name="v")(film)
    each = L.TimeDistributed(L.Conv2D(1, 2), name="t")(film)
    reader = keras3.Model(image, [lstm, masked, conv, each], name="m")
    randomize(reader, "flow keras3")
    path = model_dir(out, "flow_keras3")
    reader.export(path, format="tf_saved_model", verbose=False)
    tidy(path)
    slim(path)
    c = FlowCase(out, "flow_keras3", about="Keras 3 export: LSTM both ways, a masked GRU, ConvLSTM2D, TimeDistributed")
    x = rng("flow keras3").uniform(0, 1, [3, 6, 5, 1]).astype("f")
    c.call("three", "serve", x)
    c.call("none", "serve", x[:0])
    c.call("signature", "signatures.serving_default", x[:1])
    c.add(has_call=hasattr(c.obj, "__call__"))
    c.fails("not_callable", "__call__", x, reason="the object has no __call__")
    c.write()
