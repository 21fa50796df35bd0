"""Engine `reference` on real digits: each committed model against the real runtime, 300 images."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from digit_inputs import to_input
from host_engine import HostEngine
from random_networks import Network
from renode_mnist import codegen, paths
from renode_mnist.model import data
from runtimes import litert, tflite_micro

IMAGES = 300


@pytest.fixture(scope="module")
def images() -> data.Split:
    """Every 33rd image of the test set."""
    split = data.load("test")
    return dataclasses.replace(split, images=split.images[::33][:IMAGES], labels=split.labels[::33][:IMAGES])


def compare(variant: str, images: data.Split, folder: Path, oracle: Any) -> tuple[npt.NDArray[Any], ...]:
    """Outputs of the engine and of the oracle, in the rows of two arrays; checks the classes as well."""
    model = paths.models() / f"mnist_{variant}.tflite"
    inputs = to_input(images.images, codegen.load(model).inputs[0])
    engine = HostEngine(model, folder)
    mine = np.concatenate([engine(values) for values in inputs])
    wanted = np.concatenate(oracle(Network(model.read_bytes(), inputs, ())))
    # 99.0 % of 10,000 are promised; of these 300 at least 290 must be right for the comparison to mean anything.
    assert np.count_nonzero(mine.argmax(axis=1) == images.labels) >= 290
    return mine, wanted


@pytest.mark.parametrize("variant", ["int8", "uint8", "qat"])
def test_quantised_models_equal_tensorflow_lite_micro(variant: str, images: data.Split, tmp_path: Path) -> None:
    mine, wanted = compare(variant, images, tmp_path, tflite_micro)
    np.testing.assert_array_equal(mine, wanted)


def test_float32_is_within_1e_6_of_tensorflow_lite_micro(images: data.Split, tmp_path: Path) -> None:
    mine, wanted = compare("float32", images, tmp_path, tflite_micro)
    np.testing.assert_allclose(mine, wanted, rtol=1e-6, atol=1e-6)


def test_dynamic_range_is_within_1e_5_of_litert(images: data.Split, tmp_path: Path) -> None:
    mine, wanted = compare("size", images, tmp_path, litert)
    np.testing.assert_allclose(mine, wanted, rtol=1e-5, atol=1e-5)
