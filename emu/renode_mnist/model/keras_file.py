"""Reads a Keras model back, whichever of the two trainings wrote it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from renode_mnist.errors import EnvironmentProblem, ModelError
from renode_mnist.model import qat
from renode_mnist.model.train import import_keras


def load(path: Path) -> Any:
    """A Keras model from a .keras or .h5 file, of either training.

    Raises:
        ModelError: It isn't one.
    """
    if not path.is_file():
        raise ModelError(f"There is no file {path}", "Make one with `renode-mnist train`.")
    keras = import_keras()
    try:
        if qat.is_quantisation_aware(path):
            return qat.load(path)
        return keras.models.load_model(path, compile=False)
    except EnvironmentProblem:
        raise
    except Exception as error:
        # zipfile, h5py and Keras raise OSError, ValueError, KeyError, TypeError and BadZipFile for bad files.
        reason = str(error).strip().splitlines()  # the first sentence tells it, the rest advises
        raise ModelError(
            f"{path} is no Keras model ({reason[0].split('. ')[0] if reason else type(error).__name__})",
            "Give a .keras or .h5 file as `renode-mnist train` writes it.",
        ) from None
