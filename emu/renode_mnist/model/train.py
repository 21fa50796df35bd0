"""The article's network in Keras; the same seed on the same machine gives the same weights."""

from __future__ import annotations

import hashlib
import logging
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import numpy as np
from numpy.typing import NDArray

from renode_mnist import remedies
from renode_mnist.errors import EnvironmentProblem
from renode_mnist.model._quiet import quiet
from renode_mnist.model.confusion import Confusion
from renode_mnist.model.data import CLASS_COUNT, SIDE, Pixels, Split

BATCH_SIZE = 64

#: What a result depends on; each model's record holds their versions.
PACKAGES = ("tensorflow-cpu", "keras", "tf-keras", "tensorflow-model-optimization", "numpy", "ai-edge-litert")

_PREDICT_BATCH = 500


@dataclass(frozen=True)
class Progress:
    """Where a training is after one batch; loss and accuracy are means over the epoch so far."""

    phase: str
    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    accuracy: float


def evaluation(labels: Pixels, answers: NDArray[np.integer[Any]]) -> Confusion:
    """The confusion matrix of ``answers``, one class for each label."""
    confusion = np.zeros((CLASS_COUNT, CLASS_COUNT), np.int64)
    np.add.at(confusion, (labels, answers), 1)
    return Confusion(confusion)


def scale(images: Pixels) -> NDArray[np.float32]:
    """What the network is fed: (count, 28, 28, 1) float32 in [0, 1]."""
    return images[..., np.newaxis].astype(np.float32) / np.float32(255)


def import_keras() -> Any:
    """Keras over TensorFlow, without TensorFlow's start-up chatter.

    Raises:
        EnvironmentProblem: The ``train`` extra isn't installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    try:
        with quiet():
            import tensorflow
        import keras
    except ImportError as error:
        raise EnvironmentProblem(f"training and export need {error.name}", remedies.run_extra("train")) from None
    tensorflow.get_logger().setLevel("ERROR")
    # The converter's advice for callers; it goes to sys.stderr, which a notebook shows, not to file descriptor 2.
    logging.getLogger("absl").setLevel("ERROR")
    return keras


def build_network(keras: Any) -> Any:
    """The article's network, 93,322 parameters; layer names are those the tensors of the .tflite will carry.

    Args:
        keras: Keras 3, or ``tf_keras`` where quantisation-aware training needs it.
    """
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 1), name="image"),
            layers.Conv2D(32, 3, activation="relu", name="conv1"),
            layers.MaxPooling2D(2, name="pool1"),
            layers.Conv2D(64, 3, activation="relu", name="conv2"),
            layers.MaxPooling2D(2, name="pool2"),
            layers.Conv2D(64, 3, activation="relu", name="conv3"),
            layers.Flatten(name="flatten"),
            layers.Dense(64, activation="relu", name="dense1"),
            layers.Dense(CLASS_COUNT, activation="softmax", name="dense2"),
        ],
        name="mnist",
    )


def make_deterministic(keras: Any, seed: int) -> None:
    """Seeds every generator and takes only kernels whose sums have one order; holds for the whole process."""
    import tensorflow

    tensorflow.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(seed)


def fit(
    model: Any,
    keras: Any,
    optimizer: Any,
    data: Split,
    epochs: int,
    phase: str,
    on_progress: Callable[[Progress], None] | None,
) -> None:
    """Trains ``model`` in place by ``optimizer`` on ``data``, in batches of 64."""
    steps = -(-len(data.labels) // BATCH_SIZE)
    epoch_now = 0

    def begin_epoch(epoch: int, logs: object = None) -> None:
        nonlocal epoch_now
        epoch_now = epoch

    def end_batch(batch: int, logs: dict[str, float] | None = None) -> None:
        if on_progress and logs:
            step = Progress(phase, epoch_now + 1, epochs, batch + 1, steps, logs["loss"], logs["accuracy"])
            on_progress(step)

    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    callback = keras.callbacks.LambdaCallback(on_epoch_begin=begin_epoch, on_train_batch_end=end_batch)
    model.fit(scale(data.images), data.labels, epochs=epochs, batch_size=BATCH_SIZE, verbose=0, callbacks=[callback])


def train(
    data: Split, *, epochs: int = 5, seed: int = 1, on_progress: Callable[[Progress], None] | None = None
) -> Any:
    """The network, trained as the article did: rmsprop, batch 64.

    Returns:
        A Keras model that was never compiled, so that its file holds weights and no optimizer state.
    """
    keras = import_keras()
    make_deterministic(keras, seed)
    model = build_network(keras)
    fit(model, keras, "rmsprop", data, epochs, "training", on_progress)
    bare = build_network(keras)
    bare.set_weights(model.get_weights())
    return bare


def evaluate(model: Any, data: Split) -> Confusion:
    """Runs a Keras model over ``data``."""
    scores = model.predict(scale(data.images), batch_size=_PREDICT_BATCH, verbose=0)
    return evaluation(data.labels, scores.argmax(axis=1))


def weights_digest(weights: Sequence[NDArray[Any]]) -> str:
    """SHA-256 over the shapes and values of all weights: equal for equal networks, unlike the zip file's."""
    digest = hashlib.sha256()
    for array in weights:
        digest.update(repr((array.shape, array.dtype.str)).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def versions() -> dict[str, str]:
    """Of Python and of each of ``PACKAGES`` that is installed."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
