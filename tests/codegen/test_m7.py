"""Engine `m7` against the real runtimes: on random networks, and on real digits with what it may cost."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import channel_chains
from digit_inputs import to_input
from host_engine import HostEngine
from kernel_chains import CHAINS, chain
from random_networks import CHANNEL_LAYERS, Network, networks, pooled_convolution
from renode_mnist import paths
from renode_mnist.codegen import Objective
from renode_mnist.model import data
from runtimes import litert, tflite_micro

FEW = settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
MANY = settings(max_examples=2000, deadline=None, suppress_health_check=list(HealthCheck))
OBJECTIVES = st.sampled_from(list(Objective))


def ours(network: Network, objective: Objective) -> list[npt.NDArray[Any]]:
    """What the generated C++ computes on this PC."""
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.tflite"
        model.write_bytes(network.content)
        engine = HostEngine(model, Path(folder), "m7", objective=objective)
        return [engine(values) for values in network.inputs]


def check_exact(network: Network, objective: Objective) -> None:
    for mine, wanted in zip(ours(network, objective), tflite_micro(network), strict=True):
        np.testing.assert_array_equal(mine, wanted)


def check_close(network: Network, objective: Objective, oracle: Any = tflite_micro) -> None:
    for mine, wanted in zip(ours(network, objective), oracle(network), strict=True):
        np.testing.assert_allclose(mine, wanted, rtol=1e-5, atol=1e-5)


@FEW
@given(networks("INT8", layers=(pooled_convolution,)), OBJECTIVES)
def test_int8_convolutions_equal_tensorflow_lite_micro(network: Network, objective: Objective) -> None:
    check_exact(network, objective)


@FEW
@given(networks("FLOAT32", layers=(pooled_convolution,)), OBJECTIVES)
def test_float32_convolutions_are_within_1e_5(network: Network, objective: Objective) -> None:
    check_close(network, objective)


@FEW
@given(networks("INT8", layers=CHANNEL_LAYERS), OBJECTIVES)
def test_int8_channels_apart_equal_tensorflow_lite_micro(network: Network, objective: Objective) -> None:
    check_exact(network, objective)


@FEW
@given(networks("INT8"), OBJECTIVES)
def test_int8_equals_tensorflow_lite_micro(network: Network, objective: Objective) -> None:
    check_exact(network, objective)


@FEW
@given(networks("FLOAT32"), OBJECTIVES)
def test_float32_is_within_1e_5(network: Network, objective: Objective) -> None:
    check_close(network, objective)


@settings(FEW, max_examples=10)
@given(networks("INT16"), OBJECTIVES)
def test_int16_equals_tensorflow_lite_micro(network: Network, objective: Objective) -> None:
    check_exact(network, objective)


@settings(FEW, max_examples=10)
@given(networks("HYBRID"), OBJECTIVES)
def test_dynamic_range_is_within_1e_5_of_litert(network: Network, objective: Objective) -> None:
    check_close(network, objective, litert)


@pytest.mark.parametrize("variant", ["int8", "uint8", "qat", "float32"])
def test_digits(variant: str, tmp_path: Path) -> None:
    """300 images of the test set, every 33rd."""
    model = paths.models() / f"mnist_{variant}.tflite"
    engine = HostEngine(model, tmp_path, "m7")
    inputs = to_input(data.load("test").images[::33][:300], engine.plan.graph.inputs[0])
    mine = [engine(values) for values in inputs]
    wanted = tflite_micro(Network(model.read_bytes(), inputs, ()))
    if variant == "float32":
        np.testing.assert_allclose(mine, wanted, atol=1e-5)
    else:
        np.testing.assert_array_equal(mine, wanted)


@pytest.mark.parametrize(
    "objective", [Objective.TIME, *(pytest.param(other, marks=pytest.mark.long) for other in list(Objective)[1:])]
)
@pytest.mark.parametrize("name", CHAINS)
def test_every_kernel(name: str, objective: Objective) -> None:
    random = np.random.default_rng(7)
    shape = (1, *CHAINS[name][0])
    inputs = tuple(random.integers(-128, 128, shape).astype(np.int8) for _ in range(3))
    check_exact(Network(chain(name, quantised=True), inputs, ()), objective)
    reals = tuple(random.normal(0, 1, shape).astype(np.float32) for _ in range(3))
    check_close(Network(chain(name, quantised=False), reals, ()), objective)


@pytest.mark.parametrize("name", channel_chains.CHAINS)
def test_layers_that_keep_channels_apart(name: str) -> None:
    random = np.random.default_rng(7)
    shape = (1, *channel_chains.CHAINS[name][0])
    inputs = tuple(random.integers(-128, 128, shape).astype(np.int8) for _ in range(3))
    check_exact(Network(channel_chains.chain(name, quantised=True), inputs, ()), Objective.TIME)
    reals = tuple(random.normal(0, 1, shape).astype(np.float32) for _ in range(3))
    check_close(Network(channel_chains.chain(name, quantised=False), reals, ()), Objective.TIME)


@pytest.mark.long
@MANY
@given(networks("INT8", most_layers=6, layers=CHANNEL_LAYERS), OBJECTIVES)
def test_many_int8_channels_apart_equal_tensorflow_lite_micro(network: Network, objective: Objective) -> None:
    check_exact(network, objective)


@pytest.mark.long
@MANY
@given(networks("INT8", most_layers=6, layers=(pooled_convolution,)), OBJECTIVES)
def test_many_int8_convolutions_equal_tensorflow_lite_micro(network: Network, objective: Objective) -> None:
    check_exact(network, objective)


@pytest.mark.long
@MANY
@given(networks("FLOAT32", most_layers=6, layers=(pooled_convolution,)), OBJECTIVES)
def test_many_float32_convolutions_are_within_1e_5(network: Network, objective: Objective) -> None:
    check_close(network, objective)
