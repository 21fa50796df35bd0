"""Engine `m7` on networks that are not the article's: the same answers as `cmsis-nn`, in fewer instructions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from compared_networks import NETWORKS
from emulated_engine import emulate, random_inputs
from random_networks import Network
from renode_mnist.images import BuildConfig
from runtimes import tflite_micro


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("keyword_spotting", marks=pytest.mark.long),
        pytest.param("image_classification", marks=pytest.mark.long),
        pytest.param("person_detection", marks=pytest.mark.long),
    ],
)
def test_m7_takes_fewer_instructions_than_cmsis_nn(name: str, tmp_path: Path) -> None:
    model = tmp_path / f"{name}.tflite"
    model.write_bytes(NETWORKS[name]())
    inputs = random_inputs(model)
    wanted = tflite_micro(Network(model.read_bytes(), inputs, ()))
    results = {engine: emulate(BuildConfig(model, engine=engine), inputs) for engine in ("cmsis-nn", "m7")}
    for result in results.values():
        np.testing.assert_array_equal(result.outputs, wanted)
    counts = {engine: result.instructions for engine, result in results.items()}
    assert counts["m7"] < counts["cmsis-nn"], {engine: result.layers for engine, result in results.items()}
