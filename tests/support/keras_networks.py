"""Small networks as people's reports have them, made by Keras and its converter; kept until this file changes.

But for recurrent ones, which TensorFlow Lite Micro would not take else, none fixes its batch: converters then write
shapes as operators. Weights are random, but batch normalisation looks
trained: it has statistics of its own, every tenth channel of it is dead and every tenth nearly so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from renode_mnist import paths

FLOAT32, FLOAT16, INT8 = "float32", "float16", "int8"

_FOLDER = "test-keras"


def _sequential(shape: tuple[int, ...], *layers: Any, batch: int | None = None) -> Any:
    import keras

    return keras.Sequential([keras.Input(batch_shape=(batch, *shape)), *layers])


def _reshape(k: Any) -> Any:
    return _sequential((12,), k.Dense(24, "relu"), k.Reshape((2, 3, 4)), k.Conv2D(3, 2), k.Flatten(),
                       k.Dense(4, "softmax"))  # fmt: skip


def _mobilenet_v3_block(k: Any) -> Any:
    """Inverted residual with hard swish and squeeze-and-excite."""
    import keras

    source = keras.Input((8, 8, 4))
    x = k.Activation("hard_swish")(k.Conv2D(12, 1)(source))
    x = k.Activation("hard_swish")(k.DepthwiseConv2D(3, padding="same")(x))
    gate = k.GlobalAveragePooling2D(keepdims=True)(x)
    gate = k.Activation("hard_sigmoid")(k.Conv2D(12, 1)(k.Conv2D(3, 1, activation="relu")(gate)))
    x = k.Conv2D(4, 1)(k.Multiply()([x, gate]))
    return keras.Model(source, k.Flatten()(k.Add()([x, source])))


def _squeeze_and_excite(k: Any) -> Any:
    import keras

    source = keras.Input((6, 6, 4))
    x = k.Conv2D(8, 3, padding="same", activation="swish")(source)
    gate = k.Dense(8, "sigmoid")(k.Dense(2, "relu")(k.GlobalAveragePooling2D()(x)))
    x = k.Multiply()([x, k.Reshape((1, 1, 8))(gate)])
    return keras.Model(source, k.Dense(3)(k.Flatten()(k.Concatenate()([x, source]))))


def _unet(k: Any) -> Any:
    import keras

    source = keras.Input((8, 8, 2))
    high = k.Conv2D(4, 3, padding="same", activation="relu")(source)
    low = k.Conv2D(6, 3, padding="same", activation="relu")(k.MaxPooling2D()(high))
    up = k.Conv2DTranspose(4, 2, strides=2)(low)
    x = k.Conv2D(4, 3, padding="same", activation="relu")(k.Concatenate()([high, up]))
    return keras.Model(source, k.Conv2D(1, 1, activation="sigmoid")(x))


def _bilinear_decoder(k: Any) -> Any:
    return _sequential((4, 4, 2), k.Conv2D(4, 3, padding="same", activation="tanh"),
                       k.UpSampling2D(2, interpolation="bilinear"), k.Conv2D(2, 3, activation="relu"))  # fmt: skip


def _nearest_decoder(k: Any) -> Any:
    return _sequential((4, 4, 2), k.Conv2DTranspose(3, 3, strides=2, padding="same"), k.UpSampling2D(2),
                       k.Conv2D(2, 3, activation="sigmoid"))  # fmt: skip


def _resizing_decoder(k: Any) -> Any:
    return _sequential((4, 4, 2), k.Conv2D(4, 3, padding="same", activation="relu"),
                       k.Resizing(9, 7, interpolation="nearest"), k.Conv2D(2, 3))  # fmt: skip


def _lstm(k: Any) -> Any:
    return _sequential((28, 28), k.LSTM(8, unroll=True), k.Dense(10, "softmax"), batch=1)


def _gru(k: Any) -> Any:
    return _sequential((6, 5), k.GRU(7, unroll=True), k.Dense(3, "sigmoid"), batch=1)


def _convolutions(activation: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def make(k: Any) -> Any:
        return _sequential((8, 8, 2), k.Conv2D(4, 3), activation(k), k.Conv2D(6, 3, strides=2), activation(k),
                           k.GlobalMaxPooling2D(), k.Dense(1, "sigmoid"))  # fmt: skip

    return make


def _autoencoder(k: Any) -> Any:
    return _sequential((16,), k.Dense(8, "tanh"), k.Dense(3, "tanh"), k.Dense(8, "tanh"), k.Dense(16))


def _siamese(k: Any) -> Any:
    """Two inputs through one tower."""
    import keras

    tower = _sequential((12, 12, 1), k.Conv2D(4, 3, strides=2, activation="relu"), k.Flatten(), k.Dense(6, "tanh"))
    left, right = keras.Input((12, 12, 1), name="left"), keras.Input((12, 12, 1), name="right")
    apart = k.Subtract()([tower(left), tower(right)])
    return keras.Model([left, right], k.Dense(1, "sigmoid")(k.Multiply()([apart, apart])))


def _class_and_box(k: Any) -> Any:
    """Two outputs."""
    import keras

    source = keras.Input((16, 16, 3))
    x = k.Conv2D(8, 3, strides=2, activation="relu")(source)
    x = k.Flatten()(k.Conv2D(8, 3, strides=2, activation="relu")(x))
    return keras.Model(source, [k.Dense(3, "softmax", name="kind")(x), k.Dense(4, name="box")(x)])


def _mobilenet_v2(k: Any) -> Any:
    """Untrained, so that its scores hardly differ."""
    import keras

    return keras.applications.MobileNetV2(input_shape=(48, 48, 3), alpha=0.1, weights=None, classes=5)


NETWORKS: dict[str, Callable[[Any], Any]] = {
    "reshape": _reshape,
    "mobilenet_v3_block": _mobilenet_v3_block,
    "squeeze_and_excite": _squeeze_and_excite,
    "unet": _unet,
    "bilinear_decoder": _bilinear_decoder,
    "nearest_decoder": _nearest_decoder,
    "resizing_decoder": _resizing_decoder,
    "lstm": _lstm,
    "gru": _gru,
    "elu": _convolutions(lambda k: k.Activation("elu")),
    "gelu": _convolutions(lambda k: k.Activation("gelu")),
    "leaky_relu": _convolutions(lambda k: k.LeakyReLU(negative_slope=0.2)),
    "prelu": _convolutions(lambda k: k.PReLU(shared_axes=[1, 2])),
    "autoencoder": _autoencoder,
    "siamese": _siamese,
    "class_and_box": _class_and_box,
    "mobilenet_v2": _mobilenet_v2,
}
EXPORTS = [(name, kind) for name in NETWORKS for kind in (INT8, FLOAT32)] + [("reshape", FLOAT16), ("unet", FLOAT16)]


def exported(name: str, kind: str) -> bytes:
    """A network's file; the first call makes them all, in half a minute."""
    digest = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    folder = paths.root() / "build" / _FOLDER / digest
    file = folder / f"{name}-{kind}.tflite"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        if not file.is_file():
            _export_all(folder)
    return file.read_bytes()


def _export_all(folder: Path) -> None:
    import keras
    import tensorflow as tf

    folder.mkdir(parents=True, exist_ok=True)
    made: dict[str, Any] = {}
    for name, kind in EXPORTS:
        if name not in made:
            keras.utils.set_random_seed(len(made))
            made[name] = NETWORKS[name](keras.layers)
            _settle(made[name])
        converter = tf.lite.TFLiteConverter.from_keras_model(made[name])
        if kind != FLOAT32:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if kind == FLOAT16:
            converter.target_spec.supported_types = [tf.float16]
        if kind == INT8:
            random = np.random.default_rng(0)
            shapes = [(1, *source.shape[1:]) for source in made[name].inputs]
            samples = [[random.normal(0, 1, shape).astype(np.float32) for shape in shapes] for _ in range(10)]
            converter.representative_dataset = lambda samples=samples: iter(samples)
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = tf.int8
        (folder / f"{name}-{kind}.tflite").write_bytes(converter.convert())


def _settle(model: Any) -> None:
    import keras

    random = np.random.default_rng(2)
    for layer in model._flatten_layers(include_self=False):
        if isinstance(layer, keras.layers.BatchNormalization):
            count = layer.gamma.shape[0]
            gamma = random.uniform(0.3, 1.5, count)
            gamma[::10], gamma[5::10] = 0.0, 1e-4
            spread = random.uniform(0.3, 2, count)
            layer.set_weights([gamma, random.normal(0, 0.3, count), random.normal(0, 0.5, count), spread])
