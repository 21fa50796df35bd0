"""Networks with a memory, as TensorFlow's converter writes them: an LSTM of Keras, a module with variables."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from converted_files import converted

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def _lstm(*, time_major: bool) -> Any:
    # Of Keras 2: what Keras 3 makes of the layer the converter turns into a loop.
    import tf_keras

    tf_keras.utils.set_random_seed(1)
    layers = tf_keras.layers
    source = tf_keras.Input((12, 6), batch_size=1)
    flow = layers.LSTM(8, return_sequences=True, time_major=time_major)(source)
    flow = layers.LSTM(5, time_major=time_major)(flow)
    model = tf_keras.Model(source, layers.Dense(4, activation="softmax")(flow))
    # As large as training leaves them: gates that open and close.
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


def lstm(kind: str, *, time_major: bool = False) -> Path:
    """Two LSTM layers and a dense one, which the converter makes UNIDIRECTIONAL_SEQUENCE_LSTM of; in one type."""

    def make() -> bytes:
        import tensorflow

        model = _lstm(time_major=time_major)
        with tempfile.TemporaryDirectory() as folder:
            tensorflow.saved_model.save(model, folder)
            converter = tensorflow.lite.TFLiteConverter.from_saved_model(folder)
            return _convert(converter, tensorflow, (1, 12, 6), int8=kind == "int8")

    name = f"lstm-{'time-major-' if time_major else ''}{kind}"
    return converted(name, sys.modules[__name__], make)


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
