"""Quantisation-aware training: a trained network learns to live with the rounding of int8.

TensorFlow's Model Optimization Toolkit knows only Keras 2 (``tf_keras``), which lives beside Keras 3 in one
process; weights pass between the two as arrays. The result goes into an .h5 file: ``tf_keras`` writes its
quantisation wrappers into the .keras format but can't read them back (2.21).
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from renode_mnist import remedies
from renode_mnist.errors import EnvironmentProblem
from renode_mnist.model._quiet import quiet
from renode_mnist.model.data import Split
from renode_mnist.model.train import Progress, build_network, fit, make_deterministic, scale

EPOCHS = 2

#: A tenth of rmsprop's default: the weights are to move by fractions of a quantisation step.
LEARNING_RATE = 1e-4
_CALIBRATION_IMAGES = 1000

_HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
"""At the start of the file (HDF5 file format specification, III.A), where Keras writes it."""

# With their dependencies the whole of tensorflow would come over tensorflow-cpu (requirements/no-deps.in).
_TOOLKIT = ("tf-keras==2.21.0", "tensorflow-model-optimization==0.8.1")


def import_toolkit() -> tuple[Any, Any]:
    """``tf_keras`` and the toolkit.

    Raises:
        EnvironmentProblem: One of them isn't installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        with quiet():
            import tensorflow_model_optimization as toolkit
            import tf_keras
    except ImportError as error:
        raise EnvironmentProblem(
            f"Quantisation-aware training needs {error.name}",
            f"Run `{remedies.extra('train')}`, then `{remedies.pip_install(*_TOOLKIT, options=('--no-deps',))}`.",
        ) from None
    return tf_keras, toolkit.quantization.keras


def train(
    model: Any,
    data: Split,
    *,
    epochs: int = EPOCHS,
    seed: int = 1,
    on_progress: Callable[[Progress], None] | None = None,
) -> Any:
    """Fine-tunes a network of ``train.train`` with its int8 rounding simulated.

    Returns:
        A ``tf_keras`` model, without optimizer state.

    Raises:
        EnvironmentProblem: The toolkit isn't installed.
    """
    tf_keras, quantization = import_toolkit()
    make_deterministic(tf_keras, seed)
    plain = build_network(tf_keras)
    plain.set_weights(model.get_weights())
    aware = quantization.quantize_model(plain)
    _calibrate(aware, plain, tf_keras, data)
    fit(
        aware,
        tf_keras,
        tf_keras.optimizers.RMSprop(LEARNING_RATE),
        data,
        epochs,
        "quantisation",
        on_progress,
    )
    bare = quantization.quantize_model(build_network(tf_keras))
    bare.set_weights(aware.get_weights())
    return bare


def _calibrate(aware: Any, plain: Any, tf_keras: Any, data: Split) -> None:
    """Starts each activation's range at what the float network shows.

    The toolkit starts at [-6, 6] and follows by a moving average with factor 0.999: after two epochs (1,876
    steps) a seventh of the -6 would still be there, and as much of the int8 range below a ReLU wasted.
    """
    outputs = [layer.output for layer in plain.layers]
    ranges = tf_keras.Model(plain.inputs, outputs).predict(scale(data.images[:_CALIBRATION_IMAGES]), verbose=0)
    by_layer = dict(zip((layer.name for layer in plain.layers), ranges, strict=True))
    for layer in aware.layers:
        values = by_layer.get(layer.name.removeprefix("quant_"))
        for weight in layer.weights:
            kind = weight.name.rsplit("/", 1)[-1]
            if values is not None and kind.startswith("post_activation_"):
                weight.assign(np.min(values) if "_min" in kind else np.max(values))


def save(model: Any, path: Path) -> None:
    """Writes a quantisation-aware model to an .h5 file."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*HDF5 file")
        model.save(path, include_optimizer=False)


def is_quantisation_aware(path: Path) -> bool:
    """Whether a model file came out of this training.

    Raises:
        EnvironmentProblem: It is an .h5 file, and what reads those isn't installed.
    """
    with path.open("rb") as file:
        if file.read(len(_HDF5_SIGNATURE)) != _HDF5_SIGNATURE:
            return False
    try:
        import h5py
    except ImportError as error:
        raise EnvironmentProblem(f"an .h5 file is read by {error.name}", remedies.run_extra("train")) from None
    with h5py.File(path) as file:
        return "QuantizeWrapper" in str(file.attrs.get("model_config", ""))


def load(path: Path) -> Any:
    """A quantisation-aware ``tf_keras`` model from its .h5 file."""
    tf_keras, quantization = import_toolkit()
    with quantization.quantize_scope():
        return tf_keras.models.load_model(path, compile=False)
