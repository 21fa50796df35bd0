"""Rewrites of a network: each computes the same as without it, and says what it did."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import host_cmsis_nn
from host_engine import HostEngine
from random_networks import IMAGE_LAYERS, Network, networks
from renode_mnist import codegen, paths
from renode_mnist.codegen import passes, reader
from renode_mnist.codegen.graph import PLANAR, Graph
from renode_mnist.codegen.objective import Aim, Objective
from renode_mnist.errors import ModelError
from residual_networks import RESIDUALS, Residual
from tflite_builder import ModelBuilder

FEW = settings(max_examples=3, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
MANY = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))

TAKEN = [(engine, name) for engine in codegen.ENGINES for name in codegen.backend(engine).passes]
IMAGES = st.sampled_from(["INT8", "FLOAT32"]).flatmap(lambda kind: networks(kind, layers=IMAGE_LAYERS))


def computed(network: Network, engine: str, leave_out: tuple[str, ...]) -> list[npt.NDArray[Any]]:
    """What the generated C++ computes on this PC."""
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.tflite"
        model.write_bytes(network.content)
        more = host_cmsis_nn.arguments() if engine == "cmsis-nn" else ()
        made = HostEngine(model, Path(folder), engine, more=more, leave_out=leave_out)
        return [made(values) for values in network.inputs]


def check_same(network: Network, engine: str, name: str) -> None:
    graph = reader.parse(network.content, "random.tflite")
    try:
        rewrites = codegen.plan(graph, engine).graph.rewrites
    except ModelError:
        rewrites = ()  # cmsis-nn takes no float32
    assume(any(line.startswith(f"{name}: ") for line in rewrites))
    exact = any(tensor.quantisation is not None for tensor in graph.tensors)
    for mine, wanted in zip(computed(network, engine, ()), computed(network, engine, (name,)), strict=True):
        if exact:
            np.testing.assert_array_equal(mine, wanted)
        else:
            np.testing.assert_allclose(mine, wanted, rtol=1e-5, atol=1e-5)


def of_pass(name: str) -> st.SearchStrategy[Network]:
    """Networks in which a pass finds something."""
    return RESIDUALS.map(Residual.network) if name == "fused_residual" else IMAGES


@pytest.mark.parametrize(("engine", "name"), TAKEN)
@FEW
@given(drawing=st.data())
def test_a_network_computes_the_same_without_the_pass(drawing: st.DataObject, engine: str, name: str) -> None:
    check_same(drawing.draw(of_pass(name)), engine, name)


@pytest.mark.long
@pytest.mark.parametrize(("engine", "name"), TAKEN)
@MANY
@given(drawing=st.data())
def test_many_networks_compute_the_same_without_the_pass(drawing: st.DataObject, engine: str, name: str) -> None:
    check_same(drawing.draw(of_pass(name)), engine, name)


def loaded(variant: str) -> Graph:
    return codegen.load(paths.models() / f"mnist_{variant}.tflite")


def test_each_pass_says_what_it_did_in_the_order_of_the_list() -> None:
    assert codegen.plan(loaded("float32"), "m7").graph.rewrites == (
        "shapes_in_place: RESHAPE without a copy",
        "live_windows: pools read 10x10 of 11x11",
        "fused_pool: 2 MAX_POOL_2D within the convolution before",
        "planar_images: 3 images channel by channel",
    )


def test_a_pass_that_did_nothing_says_nothing() -> None:
    b = ModelBuilder()
    x, y = b.activation((1, 4)), b.activation((1, 4))
    b.operator("RELU", (x,), (y,))
    assert codegen.plan(reader.parse(b.finish(x, y), "m.tflite"), "m7").graph.rewrites == ()


def test_the_interpreter_sees_the_file_as_it_is() -> None:
    graph = loaded("int8")
    plan = codegen.plan(graph, "tflm")
    assert plan.graph is graph
    assert [step.op for step in plan.steps] == [operator.op for operator in graph.operators]


def test_a_pass_that_does_not_exist_is_named() -> None:
    with pytest.raises(ValueError, match="no pass fused_pol; there are unpacked_weights, "):
        codegen.plan(loaded("int8"), "m7", leave_out=("fused_pol",))


def test_without_live_windows_a_pool_that_does_not_fit_is_a_step_of_its_own() -> None:
    ops = [step.op for step in codegen.plan(loaded("int8"), "m7", leave_out=("live_windows",)).steps]
    assert ops[:3] == ["CONV_2D+MAX_POOL_2D", "CONV_2D", "MAX_POOL_2D"]


def test_weights_of_4_bits_are_unpacked_for_kernels_that_read_them_so_and_left_for_objective_flash() -> None:
    b = ModelBuilder()
    x, y, z = (b.activation(shape, "INT8", scale=0.1) for shape in ((1, 6, 6, 4), (1, 4, 4, 3), (1, 5)))
    b.conv_2d(x, b.constant(np.ones((3, 3, 3, 4), np.int8), scales=[0.1] * 3, packed=True), None, y)
    b.fully_connected(y, b.constant(np.ones((5, 48), np.int8), scales=[0.1], packed=True), None, z)
    graph = reader.parse(b.finish(x, z), "m.tflite")
    plan = codegen.plan(graph, "m7")
    assert plan.graph.rewrites == (
        "unpacked_weights: int4 weights are stored as int8: 174 B more flash (objective flash leaves them)",
    )
    assert {step.engine for step in plan.steps} == {"m7"}
    small = codegen.plan(graph, "m7", Aim(Objective.FLASH))
    assert [step.fallback for step in small.steps] == ["no kernel of its own for weights of 4 bits"] * 2
    held = {constant.name: constant.byte_count for constant in small.constants}
    assert (held["kConv2d0Weights"], held["kFullyConnected1Weights"]) == (54, 120)


def test_what_is_fused_and_no_kernel_takes_is_computed_as_its_parts() -> None:
    fused = passes.apply(loaded("int8"), ("fused_pool",), codegen.backend("m7").kernel)
    assert [part.op for part in fused.operators[0].parts] == ["CONV_2D", "MAX_POOL_2D"]
    steps = codegen.backend("reference").lower(fused, Aim()).steps
    assert [step.op for step in steps[:2]] == ["CONV_2D", "MAX_POOL_2D"]


def test_a_step_names_the_engine_whose_kernel_it_is() -> None:
    engines = [(step.operators[0].op, step.engine) for step in codegen.plan(loaded("int8"), "m7").steps]
    assert engines[0] == ("CONV_2D", "m7")
    assert engines[-1] == ("SOFTMAX", "reference")


@pytest.mark.parametrize(
    ("pool", "size", "fused"),
    [
        ({"window": (2, 2), "stride": (2, 2)}, 3, True),
        ({"window": (2, 2), "stride": (1, 1)}, 6, False),
        ({"window": (3, 3), "stride": (3, 3)}, 2, False),
        ({"window": (2, 2), "stride": (2, 2), "activation": "RELU"}, 3, False),
        ({"window": (2, 2), "stride": (2, 2), "padding": "SAME"}, 4, False),
        ({"window": (2, 2), "stride": (3, 3)}, 2, False),
    ],
    ids=["whole", "overlapping", "of an odd number of pixels", "clamping", "padded", "with gaps"],
)
def test_a_pool_is_fused_where_it_takes_each_pixel_once_and_in_pairs(
    pool: dict[str, Any], size: int, fused: bool
) -> None:
    b = ModelBuilder()
    x, y, z = (b.activation((1, n, n, 1)) for n in (7, 7, size))
    b.conv_2d(x, b.constant(np.ones((1, 1, 1, 1), np.float32)), None, y)
    b.pool("MAX_POOL_2D", y, z, **pool)
    steps = codegen.plan(reader.parse(b.finish(x, z), "m.tflite"), "m7").steps
    assert [step.op for step in steps] == (["CONV_2D+MAX_POOL_2D"] if fused else ["CONV_2D", "MAX_POOL_2D"])


def test_what_two_read_is_not_fused() -> None:
    random = np.random.default_rng(0)
    b = ModelBuilder()
    x, y, pooled, z = (b.activation(shape) for shape in ((1, 4, 4, 1), (1, 4, 4, 1), (1, 2, 2, 1), (1, 4, 4, 1)))
    weights = b.constant(random.normal(0, 1, (1, 1, 1, 1)).astype(np.float32))
    b.conv_2d(x, weights, None, y)
    b.pool("MAX_POOL_2D", y, pooled, window=(2, 2), stride=(2, 2))
    b.operator("RELU", (y,), (z,))
    plan = codegen.plan(reader.parse(b.finish(x, z), "m.tflite"), "m7")
    assert [step.op for step in plan.steps] == ["CONV_2D", "MAX_POOL_2D", "RELU"]


def test_an_image_is_planar_only_where_all_its_readers_take_it_so() -> None:
    random = np.random.default_rng(0)

    def layouts(*, also_added: bool) -> list[str]:
        b = ModelBuilder()
        x, y, z, other = (b.activation((1, 6, 6, 4)) for _ in range(4))
        weights = b.constant(random.normal(0, 1, (4, 1, 1, 4)).astype(np.float32))
        b.conv_2d(x, weights, None, y)
        b.conv_2d(y, weights, None, z)
        b.add(z, y if also_added else z, other)
        plan = codegen.plan(reader.parse(b.finish(x, other), "m.tflite"), "m7")
        return [placement.buffer.layout for placement in plan.placements]

    assert PLANAR in layouts(also_added=False)
    assert PLANAR not in layouts(also_added=True)
