"""Generated C++ against the real runtimes, on random networks."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy

from host_engine import HostEngine
from random_networks import LAYERS, LITERT_LAYERS, Network, networks
from renode_mnist.codegen import operators
from renode_mnist.codegen.reader import parse
from runtimes import litert, litert_plain, tflite_micro
from tflite_builder import ModelBuilder

FEW = settings(max_examples=50, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
FEWER = settings(FEW, max_examples=25)
MANY = settings(max_examples=3000, deadline=None, suppress_health_check=list(HealthCheck))


def ours(network: Network) -> list[npt.NDArray[Any]]:
    """What the generated C++ computes."""
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.tflite"
        model.write_bytes(network.content)
        engine = HostEngine(model, Path(folder))
        return [engine(values) for values in network.inputs]


def check_exact(network: Network) -> None:
    for mine, wanted in zip(ours(network), tflite_micro(network), strict=True):
        np.testing.assert_array_equal(mine, wanted)


def check_close(network: Network, tolerance: float, oracle: Any) -> None:
    for mine, wanted in zip(ours(network), oracle(network), strict=True):
        np.testing.assert_allclose(mine, wanted, rtol=tolerance, atol=tolerance)


@FEW
@given(networks("INT8"))
def test_int8_equals_tensorflow_lite_micro(network: Network) -> None:
    check_exact(network)


@FEWER
@given(networks("INT16"))
def test_int16_equals_tensorflow_lite_micro(network: Network) -> None:
    check_exact(network)


@FEW
@given(networks("FLOAT32"))
def test_float32_is_within_1e_6_of_tensorflow_lite_micro(network: Network) -> None:
    check_close(network, 1e-6, tflite_micro)


@FEWER
@given(networks("HYBRID"))
def test_dynamic_range_is_within_1e_5_of_litert(network: Network) -> None:
    check_close(network, 1e-5, litert)


@settings(FEW, max_examples=20)
@given(networks("INT8", layers=LITERT_LAYERS))
def test_what_tensorflow_lite_micro_lacks_equals_litert_in_int8(network: Network) -> None:
    for mine, wanted in zip(ours(network), litert_plain(network), strict=True):
        np.testing.assert_array_equal(mine, wanted)


@settings(FEW, max_examples=10)
@given(networks("FLOAT32", layers=LITERT_LAYERS))
def test_what_tensorflow_lite_micro_lacks_is_within_1e_6_of_litert_in_float32(network: Network) -> None:
    check_close(network, 1e-6, litert_plain)


NEVER_DRAWN = {"SVDF": "its weights, state and scales depend on each other; its samples and test_state.py run it"}
"""With the reason."""


def test_every_operator_is_drawn() -> None:
    seen: set[str] = set()
    wanted = set(operators.supported()) - set(NEVER_DRAWN)
    for count in (8, 24, 96):  # most come up soon
        for layer in dict.fromkeys((*LITERT_LAYERS, *reversed(LAYERS))):
            for kind in ("INT8", "FLOAT32"):
                if wanted - seen:
                    seen |= drawn(networks(kind, most_layers=3, layers=(layer,)), count)
    assert not wanted - seen, "add them to a layer of tests/support/random_networks.py or random_layers.py"
    assert not seen & set(NEVER_DRAWN), "is drawn after all"


def drawn(strategy: SearchStrategy[Network], count: int) -> set[str]:
    """Operators of so many networks."""
    names: set[str] = set()

    @settings(FEW, max_examples=count, phases=[Phase.generate], database=None)
    @given(strategy)
    def see(network: Network) -> None:
        names.update(operator.op for operator in parse(network.content, "random.tflite").operators)

    see()
    return names


@pytest.mark.parametrize(("classes", "share"), [(511, 1), (512, 0), (4095, 0)])
def test_a_softmax_of_equal_int8_scores_rounds_each_share(classes: int, share: int) -> None:
    """Above 511 TensorFlow Lite Micro aborts; the answer is what rounding gives: 1/512 is half of a 256th at most."""
    b = ModelBuilder()
    x = b.activation((1, classes), "INT8", scale=0.1)
    y = b.activation((1, classes), "INT8", scale=1 / 256, zero_point=-128)
    b.operator("SOFTMAX", (x,), (y,), "SoftmaxOptions", beta=1.0)
    equal = np.zeros((1, classes), np.int8)
    (answer,) = ours(Network(b.finish(x, y), (equal,), ("SOFTMAX",)))
    np.testing.assert_array_equal(answer, np.full((1, classes), share - 128, np.int8))


@pytest.mark.long
@MANY
@given(networks("INT8", most_layers=6))
def test_int8_equals_tensorflow_lite_micro_on_many_networks(network: Network) -> None:
    check_exact(network)


@pytest.mark.long
@MANY
@given(networks("INT16", most_layers=6))
def test_int16_equals_tensorflow_lite_micro_on_many_networks(network: Network) -> None:
    check_exact(network)


@pytest.mark.long
@MANY
@given(networks("FLOAT32", most_layers=6))
def test_float32_is_within_1e_6_of_tensorflow_lite_micro_on_many_networks(network: Network) -> None:
    check_close(network, 1e-6, tflite_micro)


@pytest.mark.long
@MANY
@given(networks("HYBRID", most_layers=6))
def test_dynamic_range_is_within_1e_5_of_litert_on_many_networks(network: Network) -> None:
    check_close(network, 1e-5, litert)
