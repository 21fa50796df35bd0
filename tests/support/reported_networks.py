"""Networks as people bring them to forums and issue trackers, remade with Keras and converted as they do it.

Each was refused once. Weights are random but look trained: batch normalisation has statistics of its own, every
tenth channel of it is dead, and activations' ranges come from the network itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@dataclass(frozen=True)
class Reported:
    """One network.

    Attributes:
        name: For a test's name and a file's.
        make: Its Keras model.
        inner: ``int8``, ``int16`` (int16 activations with int8 weights), ``int4`` (int8 activations with
            convolutions of int4), ``float32`` or ``float16``.
        edge: Type of inputs and outputs, where that is not ``inner``'s.
        batch: The batch size it is exported with; None leaves it open.
    """

    name: str
    make: Callable[[Any], Any]
    inner: str = "int8"
    edge: str = ""
    batch: int | None = 1
    shapes: tuple[tuple[int, ...], ...] = field(default=())


def _mobilenet_v2(keras: Any) -> Any:
    # alpha 0.1 at 48x48 with an untrained head: its softmax sees nearly equal scores.
    return keras.applications.MobileNetV2((48, 48, 3), alpha=0.1, weights=None, classes=5)


def _mobilenet_v3(keras: Any) -> Any:
    layers = keras.layers
    source = keras.Input((16, 16, 8))
    flow = layers.Conv2D(16, 1, use_bias=False)(source)
    flow = layers.Activation("hard_silu")(layers.BatchNormalization()(flow))
    flow = layers.DepthwiseConv2D(5, padding="same", use_bias=False)(flow)
    flow = layers.Activation("hard_silu")(layers.BatchNormalization()(flow))
    gate = layers.GlobalAveragePooling2D(keepdims=True)(flow)
    gate = layers.Conv2D(4, 1, activation="relu")(gate)
    gate = layers.Conv2D(16, 1, activation="hard_sigmoid")(gate)
    flow = layers.Multiply()([flow, gate])
    flow = layers.BatchNormalization()(layers.Conv2D(8, 1, use_bias=False)(flow))
    return keras.Model(source, layers.Dense(4)(layers.Flatten()(layers.Add()([source, flow]))))


def _unet(keras: Any) -> Any:
    layers = keras.layers
    source = keras.Input((16, 16, 1))
    first = layers.Conv2D(4, 3, padding="same", activation="relu")(source)
    deep = layers.Conv2D(8, 3, padding="same", activation="relu")(layers.MaxPooling2D()(first))
    up = layers.Conv2DTranspose(4, 2, strides=2, padding="same")(deep)
    flow = layers.Conv2D(4, 3, padding="same", activation="relu")(layers.Concatenate()([up, first]))
    return keras.Model(source, layers.Conv2D(1, 1, activation="sigmoid")(flow))


def _decoder(interpolation: str) -> Callable[[Any], Any]:
    def make(keras: Any) -> Any:
        layers = keras.layers
        source = keras.Input((4, 4, 6))
        flow = layers.UpSampling2D(2, interpolation=interpolation)(source)
        flow = layers.Conv2D(5, 3, padding="same", activation="relu")(flow)
        flow = layers.UpSampling2D(2, interpolation=interpolation)(flow)
        # No sigmoid: LiteRT, the only runtime here that has TILE, takes it from a table that is off by one step.
        return keras.Model(source, layers.Conv2D(1, 3, padding="same")(flow))

    return make


def _transposed(keras: Any) -> Any:
    layers = keras.layers
    source = keras.Input((4, 4, 16))
    flow = layers.Conv2DTranspose(16, 3, strides=2, padding="same", activation="relu")(source)
    flow = layers.Conv2DTranspose(8, 4, strides=2, padding="same", activation="relu")(flow)
    return keras.Model(source, layers.Conv2DTranspose(1, 5, strides=2, padding="same")(flow))


def _recurrent(kind: str) -> Callable[[Any], Any]:
    def make(keras: Any) -> Any:
        layers = keras.layers
        source = keras.Input((28, 28))
        flow = getattr(layers, kind)(8, unroll=True)(source)
        return keras.Model(source, layers.Dense(10, activation="softmax")(flow))

    return make


def _activated(activation: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def make(keras: Any) -> Any:
        layers = keras.layers
        source = keras.Input((12, 12, 2))
        flow = activation(keras)(layers.Conv2D(6, 3)(source))
        flow = activation(keras)(layers.Conv2D(5, 3, strides=2)(flow))
        return keras.Model(source, layers.Dense(3, activation="softmax")(layers.Flatten()(flow)))

    return make


def _squeeze_and_excite(keras: Any) -> Any:
    layers = keras.layers
    source = keras.Input((8, 8, 8))
    flow = layers.Conv2D(12, 3, padding="same", activation="relu")(source)
    gate = layers.Dense(3, activation="relu")(layers.GlobalAveragePooling2D()(flow))
    gate = layers.Reshape((1, 1, 12))(layers.Dense(12, activation="sigmoid")(gate))
    flow = layers.Multiply()([flow, gate])
    return keras.Model(source, layers.Dense(1, activation="sigmoid")(layers.GlobalMaxPooling2D()(flow)))


def _siamese(keras: Any) -> Any:
    layers = keras.layers
    tower = keras.Sequential(
        [keras.Input((12, 12, 1)), layers.Conv2D(4, 3, strides=2, activation="relu"), layers.Flatten(),
         layers.Dense(6, activation="tanh")]
    )  # fmt: skip
    left, right = keras.Input((12, 12, 1), name="left"), keras.Input((12, 12, 1), name="right")
    apart = layers.Subtract()([tower(left), tower(right)])
    return keras.Model([left, right], layers.Dense(1, activation="sigmoid")(layers.Multiply()([apart, apart])))


def _class_and_box(keras: Any) -> Any:
    layers = keras.layers
    source = keras.Input((16, 16, 3))
    flow = layers.Conv2D(8, 3, strides=2, activation="relu")(source)
    flow = layers.Flatten()(layers.Conv2D(8, 3, strides=2, activation="relu")(flow))
    kind = layers.Dense(3, activation="softmax", name="kind")(flow)
    return keras.Model(source, [kind, layers.Dense(4, name="box")(flow)])


def _audio(keras: Any) -> Any:
    layers = keras.layers
    source = keras.Input((32, 10, 1))
    flow = layers.Conv2D(8, (5, 3), strides=2, activation="relu")(source)
    flow = layers.Conv2D(8, 1, activation="relu")(layers.DepthwiseConv2D(3, padding="same")(flow))
    flow = layers.Dropout(0.1)(layers.AveragePooling2D(2)(flow))
    return keras.Model(source, layers.Dense(4, activation="softmax")(layers.Flatten()(flow)))


def _open_batch(keras: Any) -> Any:
    layers = keras.layers
    source = keras.Input((12, 12, 1))
    flow = layers.Flatten()(layers.Conv2D(4, 3, activation="relu")(source))
    return keras.Model(source, layers.Reshape((2, 2))(layers.Dense(4)(flow)))


def _autoencoder(keras: Any) -> Any:
    layers = keras.layers
    source = keras.Input((24,))
    flow = layers.Dense(12, activation="tanh")(source)
    flow = layers.Dense(12, activation="tanh")(layers.Dense(4, activation="tanh")(flow))
    return keras.Model(source, layers.Dense(24, activation="tanh")(flow))


NETWORKS = (
    Reported("mobilenet_v2", _mobilenet_v2),
    Reported("mobilenet_v3_block", _mobilenet_v3),
    Reported("unet", _unet),
    Reported("decoder_nearest", _decoder("nearest")),
    Reported("decoder_bilinear", _decoder("bilinear")),
    Reported("decoder_transposed", _transposed),
    Reported("lstm_unrolled", _recurrent("LSTM")),
    Reported("gru_unrolled", _recurrent("GRU")),
    Reported("elu", _activated(lambda keras: keras.layers.ELU())),
    Reported("gelu", _activated(lambda keras: keras.layers.Activation("gelu"))),
    Reported("leaky_relu", _activated(lambda keras: keras.layers.LeakyReLU())),
    Reported("prelu", _activated(lambda keras: keras.layers.PReLU(shared_axes=[1, 2], alpha_initializer="uniform"))),
    Reported("squeeze_and_excite", _squeeze_and_excite),
    Reported("siamese", _siamese),
    Reported("class_and_box", _class_and_box),
    Reported("audio_int16", _audio, inner="int16"),
    Reported("audio_int4", _audio, inner="int4"),
    Reported("open_batch", _open_batch, batch=None),
    Reported("decoder_open_batch", _decoder("nearest"), batch=None),
    Reported("gru_open_batch", _recurrent("GRU"), inner="float32", batch=None),
    Reported("autoencoder", _autoencoder),
    Reported("float16_export", _squeeze_and_excite, inner="float16"),
)
"""In no order; a streaming keyword spotter with SVDF state is not Keras's to write (``sample_networks``)."""


def convert(network: Reported) -> bytes:
    """The ``.tflite`` file; the same for the same packages."""
    import keras
    import tensorflow

    keras.utils.set_random_seed(1)
    model = network.make(keras)
    _settle(keras, model)
    specs = [
        tensorflow.TensorSpec((network.batch, *tensor.shape[1:]), tensorflow.float32, name=tensor.name)
        for tensor in model.inputs
    ]
    function = tensorflow.function(
        lambda *tensors: model(list(tensors) if len(tensors) > 1 else tensors[0], training=False),
        input_signature=specs,
    )
    converter = tensorflow.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()])
    sets = tensorflow.lite.OpsSet
    if network.inner == "float16":
        converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tensorflow.float16]
    elif network.inner != "float32":
        converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
        wide = network.inner == "int16"
        converter.target_spec.supported_ops = [
            sets.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8 if wide else sets.TFLITE_BUILTINS_INT8
        ]
        packed = network.inner == "int4"
        edge = getattr(tensorflow, network.edge or ("int8" if packed else network.inner))
        converter.inference_input_type = converter.inference_output_type = edge
        random = np.random.default_rng(3)
        drawn = [
            [random.uniform(-1, 1, (1, *tensor.shape[1:])).astype(np.float32) for tensor in model.inputs]
            for _ in range(8)
        ]
        converter.representative_dataset = lambda: iter(drawn)
    content = bytes(converter.convert())
    return _with_int4(content) if network.inner == "int4" else content


def _with_int4(content: bytes) -> bytes:
    """The filters of convolutions in 4 bits, which this converter does not write, and biases that go with them."""
    import flatbuffers
    from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(content, 0)
    (graph,) = model.subgraphs
    convolutions = (schema.BuiltinOperator.CONV_2D, schema.BuiltinOperator.DEPTHWISE_CONV_2D)
    coarser = 127 / 7
    for operator in graph.operators:
        if model.operatorCodes[operator.opcodeIndex].builtinCode not in convolutions:
            continue
        for position, dtype in ((1, np.int8), (2, np.int32)):
            tensor = graph.tensors[operator.inputs[position]]
            stored = np.asarray(model.buffers[tensor.buffer].data, np.uint8).view(dtype)
            values = np.round(stored / coarser).astype(dtype)
            tensor.quantization.scale = [float(scale * coarser) for scale in tensor.quantization.scale]
            model.buffers[tensor.buffer].data = values.view(np.uint8)
            if position == 1:
                pairs = np.append(values.view(np.uint8) & 15, np.zeros(values.size % 2, np.uint8)).reshape(-1, 2)
                model.buffers[tensor.buffer].data = pairs[:, 0] | pairs[:, 1] << 4
                tensor.type = schema.TensorType.INT4
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _settle(keras: Any, model: Any) -> None:
    """Gives batch normalisation statistics such as training leaves, with dead and nearly dead channels."""
    random = np.random.default_rng(2)
    for layer in model._flatten_layers(include_self=False):
        if isinstance(layer, keras.layers.BatchNormalization):
            count = layer.gamma.shape[0]
            gamma = random.uniform(0.3, 1.5, count)
            gamma[::10] = 0.0
            gamma[5::10] = 1e-4
            layer.set_weights([gamma, random.normal(0, 0.3, count), random.normal(0, 0.5, count),
                               random.uniform(0.3, 2, count)])  # fmt: skip
