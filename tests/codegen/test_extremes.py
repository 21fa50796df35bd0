"""Scales that no converter chooses, weights that are no numbers: as TensorFlow Lite Micro has it, or refused."""

from __future__ import annotations

import functools
import math
import re
from pathlib import Path

import numpy as np
import pytest

import host_cmsis_nn
from apart import apart
from host_batch import HostBatch
from host_engine import HostEngine
from renode_mnist import codegen
from renode_mnist.codegen import quantise
from renode_mnist.codegen.graph import Graph
from renode_mnist.codegen.operators.samples import INT8, Edge
from renode_mnist.codegen.planning import Plan
from renode_mnist.codegen.reader import parse
from renode_mnist.errors import ModelError
from runtimes import litert_on, tflite_micro_on
from sample_engines import operators, samples
from sample_networks import Case, case
from tflite_builder import ModelBuilder

SCALES = (1e-42, 1e-30, 1e-20, 1e-9, 1e5, 1e10, 1e30)
EDGES = [Edge(f"input {a:g}, output {b:g}", a, b) for a in (1.0, *SCALES) for b in (1.0, *SCALES) if a != b]


@functools.cache
def judged(operator: str) -> dict[str, tuple[Case, Plan | ModelError]]:
    """The operator's first int8 sample with scales that are so many times larger or smaller."""
    sample = next((sample for sample in samples(operator) if INT8 in sample.types), None)
    found: dict[str, tuple[Case, Plan | ModelError]] = {}
    for edge in EDGES if sample else ():
        assert sample is not None
        made = case(operator, sample, INT8, edge)
        try:
            found[edge.name] = made, codegen.plan(parse(made.content, "extreme.tflite"))
        except ModelError as error:
            found[edge.name] = made, error
    return found


def shifts_too_far(content: bytes) -> bool:
    """Whether the interpreter shifts by more than 30 bits (in a mean less the count's), which C++ does not define."""
    shifts = []

    def noted(real: float) -> quantise.Multiplier:
        shifts.append(math.frexp(real)[1])
        return multiplier(real)

    multiplier = quantise.multiplier
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quantise, "multiplier", noted)
        codegen.plan(parse(content, "extreme.tflite"))
    return max(shifts, default=0) > 24


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")  # of a scale that becomes infinite
@pytest.mark.parametrize("operator", operators())
def test_scales_of_any_size_are_computed_as_tensorflow_lite_micro_does_or_refused(operator: str) -> None:
    found = judged(operator)
    for _, plan in found.values():
        if isinstance(plan, ModelError):
            assert re.match(r"Operator \w+ 't\d+' is not supported: ", str(plan)), "operator and output are named"
    plans = {key: plan for key, (_, plan) in found.items() if isinstance(plan, Plan)}
    if not plans:
        return
    runs = [(key, found[key][0].inputs["random"]) for key in plans]
    ours = apart(HostBatch(f"{operator.lower()}-extreme", plans), runs)
    theirs = apart(micro, [(found[key][0].content, inputs) for key, inputs in runs])
    for (key, _), mine, wanted in zip(runs, ours, theirs, strict=True):
        assert mine is not None, f"{key}: ends the program, perhaps by a trap of what C++ leaves undefined"
        content = found[key][0].content
        undefined = shifts_too_far(content) or refusal(parse(content, "extreme.tflite"), "tflm")
        if wanted is not None and not undefined:
            np.testing.assert_array_equal(mine[0], wanted[0], err_msg=key)


def micro(content: bytes, inputs: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...] | None:
    try:
        return tflite_micro_on(content, [inputs])[0]
    except RuntimeError:
        return None


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
@pytest.mark.parametrize("engine", codegen.ALL_ENGINES)
@pytest.mark.parametrize("operator", operators())
def test_all_engines_share_the_judgement(operator: str, engine: str) -> None:
    for key, (made, plan) in judged(operator).items():
        graph = parse(made.content, "extreme.tflite")
        if isinstance(plan, ModelError):
            assert refusal(graph, engine) == str(plan), key
        else:
            said = refusal(graph, engine)
            assert not said or (engine == "tflm" and "TensorFlow Lite Micro " in said), key


def refusal(graph: Graph, engine: str) -> str:
    """Why an engine does not take a network; empty where it does."""
    try:
        codegen.plan(graph, engine)
    except ModelError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(("real", "value", "shift"), [(1e9, 2000000000, 30), (2.0**30, (1 << 31) - 1, 30),
                                                      (1e30, (1 << 31) - 1, 30), (1e-10, 0, 0)])  # fmt: skip
def test_a_multiplier_is_never_shifted_by_more_than_30(real: float, value: int, shift: int) -> None:
    assert quantise.multiplier(real) == quantise.Multiplier(value, shift)


def flat_softmax() -> bytes:
    b = ModelBuilder()
    x = b.activation((2, 5), "INT8", scale=7.85e-9, zero_point=3)
    y = b.activation((2, 5), "INT8", scale=1 / 256, zero_point=-128)
    b.operator("SOFTMAX", (x,), (y,), "SoftmaxOptions", beta=1.0)
    return b.finish(x, y)


@pytest.mark.parametrize("engine", codegen.ENGINES)
def test_a_softmax_of_a_zero_range_answers_evenly_as_litert_does(engine: str, tmp_path: Path) -> None:
    model = tmp_path / "flat.tflite"
    model.write_bytes(flat_softmax())
    values = np.array([[-128, 127, 3, 0, 5]] * 2, np.int8)
    more = host_cmsis_nn.arguments() if engine == "cmsis-nn" else ()
    got = HostEngine(model, tmp_path, engine, more=more)(values)
    np.testing.assert_array_equal(got, litert_on(flat_softmax(), [(values,)])[0][0])


@pytest.mark.parametrize("kind", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("engine", ["reference", "m7"])
def test_weights_that_are_no_numbers_are_compiled(kind: float, engine: str, tmp_path: Path) -> None:
    b = ModelBuilder()
    x, y = b.activation((1, 4)), b.activation((1, 2))
    weights = np.array([[1, 2, 3, 4], [kind, 0, 0, 0]], np.float32)
    b.fully_connected(x, b.constant(weights), b.constant(np.array([0.5, kind], np.float32)), y)
    model = tmp_path / "m.tflite"
    model.write_bytes(b.finish(x, y))
    got = HostEngine(model, tmp_path, engine)(np.ones((1, 4), np.float32))
    assert got[0, 0] == 10.5
    if not np.isnan(kind):  # engine m7 clamps it, as the page of operators says
        assert got[0, 1] == kind


@pytest.mark.parametrize("scale", [0.0, np.inf, np.nan, -1.0])
def test_a_scale_that_is_no_number_above_0_is_refused_by_its_tensor(scale: float) -> None:
    b = ModelBuilder()
    x, y = (b.activation((1, 4), "INT8", scale=0.1) for _ in range(2))
    b._graph.tensors[y].quantization.scale = [scale]
    b.operator("RELU", (x,), (y,))
    with pytest.raises(ModelError, match=r"RELU 't1' is not supported: 't1' \(int8 1x4\) has scale"):
        codegen.plan(parse(b.finish(x, y), "m.tflite"))


def test_what_no_kernel_uses_is_not_judged() -> None:
    """Older converters write that the scales of a bias, of one dimension, run along dimension 3."""
    b = ModelBuilder()
    x = b.activation((1, 4, 4, 2), "INT8", scale=0.1)
    w = b.constant(np.ones((1, 3, 3, 2), np.int8), scales=[0.1, 0.2], axis=3)
    bias = b.constant(np.zeros(2, np.int32), scales=[0.01, 0.02], axis=3)
    y = b.activation((1, 2, 2, 2), "INT8", scale=0.1)
    b.conv_2d(x, w, bias, y, depthwise=True)
    codegen.plan(parse(b.finish(x, y), "m.tflite"))


def test_a_loop_is_refused_with_what_to_export_instead() -> None:
    b = ModelBuilder()
    x, state, y, last = b.activation((1, 4)), b.activation((1, 0)), b.activation((1, 4)), b.activation((1, 0))
    b.operator("WHILE", (x, state), (y, last), "WhileOptions", condSubgraphIndex=1, bodySubgraphIndex=2)
    with pytest.raises(ModelError, match=r"Operator WHILE 't2' is not supported: a loop, .*unroll=True"):
        codegen.plan(parse(b.finish(x, y), "m.tflite"))


def test_a_missing_operator_is_told_before_its_tensors() -> None:
    """An LSTM's tensors of no elements, a state that nothing writes."""
    b = ModelBuilder()
    x, state, y = b.activation((1, 4)), b.activation((1, 0)), b.activation((1, 4))
    b.operator("CUMSUM", (x, state), (y,), "CumsumOptions")
    with pytest.raises(ModelError, match=r"Operator CUMSUM 't2' is not supported. docs/operators.md says what is"):
        codegen.plan(parse(b.finish(x, y), "m.tflite"))
