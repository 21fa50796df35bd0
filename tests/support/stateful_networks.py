"""Networks with a memory, as TensorFlow's converter writes them: an LSTM of Keras, a module with variables."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from converted_files import converted

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def _lstm() -> Any:
    # Of Keras 2: what Keras 3 makes of the layer the converter turns into a loop.
    import tf_keras

    tf_keras.utils.set_random_seed(1)
    layers = tf_keras.layers
    source = tf_keras.Input((12, 6), batch_size=1)
    flow = layers.LSTM(8, return_sequences=True)(source)
    # The sum leaves each direction its own scale, which a concatenation would not.
    flow = layers.Bidirectional(layers.LSTM(5), merge_mode="sum")(flow)
    model = tf_keras.Model(source, layers.Dense(4, activation="softmax")(flow))
    # As large as training leaves them: gates that open and close.
    model.set_weights([3 * weights for weights in model.get_weights()])
    return model


def _gru() -> Any:
    # Of Keras 3: one step an inference, the state in a variable.
    import keras

    keras.utils.set_random_seed(1)
    source = keras.Input(batch_shape=(1, 1, 6))
    flow = keras.layers.GRU(5, stateful=True, unroll=True)(source)
    model = keras.Model(source, keras.layers.Dense(4, activation="softmax")(flow))
    model.set_weights([3 * weights for weights in model.get_weights()])
    return model


def _stream(tensorflow: Any) -> Any:
    """A dense layer over the last four inputs, and the distance of its answer from the mean of all before it."""
    random = np.random.default_rng(1)

    class Stream(tensorflow.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            self.last = tensorflow.Variable(random.uniform(-1, 1, (1, 4, 6)).astype(np.float32), name="last")
            self.mean = tensorflow.Variable(np.float32([[0.5, -0.5, 0.25]]), name="mean")
            self.weights = tensorflow.Variable(random.normal(0, 0.5, (24, 3)).astype(np.float32), name="weights")

        @tensorflow.function(input_signature=[tensorflow.TensorSpec((1, 1, 6), tensorflow.float32, name="now")])
        def __call__(self, now: Any) -> Any:
            self.last.assign(tensorflow.concat([self.last[:, 1:], now], 1))
            answer = tensorflow.tanh(tensorflow.matmul(tensorflow.reshape(self.last, (1, 24)), self.weights))
            before = self.mean.read_value()
            self.mean.assign(0.75 * before + 0.25 * answer)
            return answer - before, self.mean.read_value()

    return Stream()


def _convert(converter: Any, tensorflow: Any, shape: tuple[int, ...], *, int8: bool) -> bytes:
    if int8:
        converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
        converter.target_spec.supported_ops = [tensorflow.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tensorflow.int8
        random = np.random.default_rng(3)
        drawn = [[random.uniform(-1, 1, shape).astype(np.float32)] for _ in range(8)]
        converter.representative_dataset = lambda: iter(drawn)
    return bytes(converter.convert())


def _keras(name: str, make_model: Callable[[], Any], shape: tuple[int, ...], kind: str) -> Path:
    """What the converter makes of a Keras model."""

    def make() -> bytes:
        import tensorflow

        converter = tensorflow.lite.TFLiteConverter.from_keras_model(make_model())
        converter.experimental_enable_resource_variables = True
        return _convert(converter, tensorflow, shape, int8=kind == "int8")

    return converted(f"{name}-{kind}", sys.modules[__name__], make)


def lstm(kind: str) -> Path:
    """LSTM layers, of which one reads from both ends, and a dense one, in one type.

    The converter makes UNIDIRECTIONAL_SEQUENCE_LSTM and REVERSE_V2 of them. It takes 10 s.
    """
    return _keras("lstm", _lstm, (1, 12, 6), kind)


def gru(kind: str) -> Path:
    """A GRU that takes one step an inference."""
    return _keras("gru", _gru, (1, 1, 6), kind)


def stream(kind: str) -> Path:
    """A module with variables, which the converter makes VAR_HANDLE and its like of; in one type."""

    def make() -> bytes:
        import tensorflow

        module = _stream(tensorflow)
        function = module.__call__.get_concrete_function()
        converter = tensorflow.lite.TFLiteConverter.from_concrete_functions([function], module)
        converter.experimental_enable_resource_variables = True
        return _convert(converter, tensorflow, (1, 1, 6), int8=kind == "int8")

    return converted(f"stream-{kind}", sys.modules[__name__], make)
