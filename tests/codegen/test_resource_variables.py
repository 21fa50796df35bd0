"""Variables that operators read and assign: in the order that the file has, with first values, or refused."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import edge_networks
import stateful_networks
from host_batch import HostBatch
from renode_mnist import codegen
from renode_mnist.codegen import fit
from renode_mnist.codegen.reader import parse
from renode_mnist.errors import ModelError
from renode_mnist.model import yardstick
from runtimes import litert_on, tflite_micro_on
from tflite_builder import ModelBuilder

ENGINES = ("reference", "m7")


def assign(b: ModelBuilder, handle: int, value: int) -> None:
    b.operator("ASSIGN_VARIABLE", (handle, value), ())


def read(b: ModelBuilder, handle: int, shape: tuple[int, ...] = (1, 4), *how: Any, **more: Any) -> int:
    y = b.activation(shape, *how, **more)
    b.operator("READ_VARIABLE", (handle,), (y,))
    return y


def around_an_assignment(type_name: str, **how: Any) -> bytes:
    """Read, assigned from the input, read again: the first answer is of the inference before."""
    b = ModelBuilder()
    x, handle = b.activation((1, 4), type_name, **how), b.handle("v")
    before = read(b, handle, (1, 4), type_name, **how)
    assign(b, handle, x)
    return b.finish_with((x,), (before, read(b, handle, (1, 4), type_name, **how)))


def a_sum(*, again: bool) -> bytes:
    """Adds the input to what it keeps, from a first value on; with ``again`` twice in an inference."""
    b = ModelBuilder()
    b.first_value("sum", np.float32([[1, 2, 3, 4]]))
    x, handle = b.activation((1, 4)), b.handle("sum")
    results = []
    for _ in range(1 + again):
        kept, total = read(b, handle), b.activation((1, 4))
        b.add(kept, x, total)
        assign(b, handle, total)
        results += [kept, total]
    return b.finish_with((x,), results)


def two_that_change_places() -> bytes:
    """int8: two handles of each variable, of which one is read late and under another shape."""
    b = ModelBuilder()
    how = {"scale": 0.05, "zero_point": -7}
    b.first_value("a", np.int8([[1, 2, 3, 4]]), **how)
    b.first_value("b", np.int8([[5, 6, 7, 8]]), **how)
    x = b.activation((1, 4), "INT8", **how)
    old_a = read(b, b.handle("a"), (2, 2), "INT8", **how)
    flat = b.activation((1, 4), "INT8", **how)
    b.operator("RESHAPE", (old_a, b.constant(np.int32([1, 4]))), (flat,), "ReshapeOptions", newShape=[1, 4])
    old_b = read(b, b.handle("b"), (1, 4), "INT8", **how)
    assign(b, b.handle("a"), old_b)
    clipped = b.activation((1, 4), "INT8", **how)
    b.operator("RELU", (flat,), (clipped,))
    total = b.activation((1, 4), "INT8", **how)
    b.add(clipped, x, total)
    assign(b, b.handle("b"), total)
    return b.finish_with((x,), (read(b, b.handle("a"), (1, 4), "INT8", **how), total))


def a_constant_in_a_variable() -> bytes:
    """Weights that nothing assigns."""
    b = ModelBuilder()
    b.first_value("weights", np.random.default_rng(3).normal(0, 1, (3, 4)).astype(np.float32))
    x, y = b.activation((1, 4)), b.activation((1, 3))
    b.fully_connected(x, read(b, b.handle("weights"), (3, 4)), None, y)
    return b.finish(x, y)


def a_constant_is_assigned() -> bytes:
    """What is kept is forgotten within the inference."""
    b = ModelBuilder()
    b.first_value("v", np.float32([[1, 2, 3, 4]]))
    x, total = b.activation((1, 4)), b.activation((1, 4))
    before = read(b, b.handle("v"))
    b.add(before, x, total)
    assign(b, b.handle("v"), total)
    kept = read(b, b.handle("v"))
    assign(b, b.handle("v"), b.constant(np.float32([[9, 8, 7, 6]])))
    return b.finish_with((x,), (before, kept))


NETWORKS = {
    "float32": around_an_assignment("FLOAT32"),
    "int8": around_an_assignment("INT8", scale=0.1, zero_point=-3),
    "int16": around_an_assignment("INT16", scale=0.1),
    "int32": around_an_assignment("INT32"),
    "sum": a_sum(again=False),
    "sum twice": a_sum(again=True),
    "two that change places": two_that_change_places(),
    "constant": a_constant_in_a_variable(),
    "constant assigned": a_constant_is_assigned(),
}
NOT_OF_LITERT = ("float32", "int8", "int16", "int32")
"""It ends where a variable is read before anything was assigned."""


@functools.cache
def batch() -> HostBatch:
    return HostBatch(
        "variables",
        {
            f"{name} {engine}": codegen.plan(parse(content, f"{name}.tflite"), engine)
            for name, content in NETWORKS.items()
            for engine in ENGINES
        },
    )


@pytest.mark.parametrize("name", NETWORKS)
def test_reads_and_assignments_keep_their_order(name: str) -> None:
    content = NETWORKS[name]
    given = list(edge_networks.inputs(parse(content, "m.tflite"), count=4))
    answers = {"tflite-micro": tflite_micro_on(content, given)}
    if name not in NOT_OF_LITERT:
        answers["litert"] = litert_on(content, given)
    for engine in ENGINES:
        for _ in range(2):  # a reset puts the first values back
            for number, inputs in enumerate(given):
                got = (batch() if number == 0 else batch().go_on)(f"{name} {engine}", inputs)
                for runtime, wanted in answers.items():
                    for mine, theirs in zip(got, wanted[number], strict=True):
                        np.testing.assert_allclose(mine, theirs, rtol=1e-6, err_msg=f"{engine} {runtime}")


def test_what_is_not_assigned_first_begins_with_zero_points() -> None:
    (before, _) = batch()("int8 reference", (np.int8([[9, 8, 7, 6]]),))
    assert (before == -3).all()


def test_first_values_and_sizes_are_in_the_plan() -> None:
    plan = codegen.plan(parse(a_sum(again=False), "m.tflite"), "m7")
    (variable,) = plan.program.state
    assert (plan.state_bytes, variable.initial.tolist()) == (16, [[1, 2, 3, 4]])
    assert plan.graph.rewrites[0] == "resource_variables: 'sum' live between inferences"
    assert "std::copy_n(k_state_" in codegen.files(plan)["model.cpp"]
    (shortage,) = fit.shortages(plan, fit.Room(1 << 20, 40, 0, 0))
    assert shortage.wanted_bytes == plan.arena_bytes + 16
    constant = codegen.plan(parse(a_constant_in_a_variable(), "m.tflite"), "m7")
    assert (constant.state_bytes, len(constant.steps)) == (0, 1)
    assert constant.graph.rewrites[0] == "resource_variables: 'weights' are never assigned, and so constant"


def test_the_yardstick_begins_each_inference_anew() -> None:
    graph = parse(a_sum(again=False), "m.tflite")
    for judge in (yardstick.LiteRt(a_sum(again=False), graph), yardstick.LiteRtDefault(a_sum(again=False), graph)):
        for _ in range(2):
            ones = (np.ones((1, 4), np.float32),)
            if isinstance(judge, yardstick.LiteRt):
                _, total = yardstick.outputs(graph, judge.tensors(ones))
            else:
                _, total = judge.outputs(ones)
            assert total.tolist() == [[2, 3, 4, 5]]


def after_a_read(b: ModelBuilder, x: int) -> int:
    y = read(b, b.handle("v"))
    b.first_value("v", np.zeros((1, 4), np.float32))
    assign(b, b.handle("v"), x)
    return y


def computed_first(b: ModelBuilder, x: int) -> int:
    called = b.called()
    noise = called.activation((1, 4))
    called.operator("RANDOM_STANDARD_NORMAL", (called.constant(np.int32([1, 4])),), (noise,))
    assign(called, called.handle("v"), noise)
    b.operator("CALL_ONCE", (), (), "CallOnceOptions", initSubgraphIndex=1)
    assign(b, b.handle("v"), x)
    return read(b, b.handle("v"))


def never_assigned(b: ModelBuilder, x: int) -> int:
    return read(b, b.handle("v"))


def of_two_sizes(b: ModelBuilder, x: int) -> int:
    assign(b, b.handle("v"), x)
    return read(b, b.handle("v"), (1, 5))


def of_two_types(b: ModelBuilder, x: int) -> int:
    b.first_value("v", np.zeros((1, 4), np.int32))
    assign(b, b.handle("v"), x)
    return read(b, b.handle("v"))


def of_two_scales(b: ModelBuilder, x: int) -> int:
    value = b.activation((1, 4), "INT8", scale=0.1)
    b.operator("QUANTIZE", (x,), (value,), "QuantizeOptions")
    assign(b, b.handle("v"), value)
    return read(b, b.handle("v"), (1, 4), "INT8", scale=0.2)


def without_a_handle(b: ModelBuilder, x: int) -> int:
    return read(b, x)


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (after_a_read, r"CALL_ONCE 'call_once_\d' is not supported: it gives 'v' its first value after READ_"),
        (computed_first, r"CALL_ONCE .*: RANDOM_STANDARD_NORMAL 't0' in subgraph 1 does not assign a constant"),
        (never_assigned, r"READ_VARIABLE 't\d' .*: the variable 'v' is never assigned, .* Convert with from_keras_"),
        (of_two_sizes, r"the variable 'v' is 't3' \(float32 1x5\) here and 't0' \(float32 1x4\) there"),
        (of_two_types, r"the variable 'v' is .*float32 1x4\) here and .*int32 1x4\) there"),
        (of_two_scales, r"the variable 'v' is quantised in more than one way"),
        (without_a_handle, r"READ_VARIABLE 't1' is not supported: its variable is not known"),
    ],
)  # fmt: skip
def test_what_cannot_be_made_out_is_refused(build: Callable[[ModelBuilder, int], int], says: str) -> None:
    b = ModelBuilder()
    x = b.activation((1, 4))
    content = b.finish(x, build(b, x))
    for engine in codegen.ALL_ENGINES:
        with pytest.raises(ModelError, match=says):
            codegen.plan(parse(content, "m.tflite"), engine)


def test_a_subgraph_that_is_not_there_is_a_damaged_file() -> None:
    b = ModelBuilder()
    x, y = b.activation((1, 4)), b.activation((1, 4))
    b.operator("CALL_ONCE", (), (), "CallOnceOptions", initSubgraphIndex=3)
    b.operator("RELU", (x,), (y,))
    with pytest.raises(ModelError, match=r"m.tflite is damaged: an operator names subgraph 3 of 1"):
        parse(b.finish(x, y), "m.tflite")


def test_the_interpreter_s_engine_refuses_variables_with_its_reason() -> None:
    graph = codegen.load(stateful_networks.stream("int8"))
    with pytest.raises(ModelError, match=r"Engine tflm cannot compute CALL_ONCE .*no resource variables"):
        codegen.plan(graph, "tflm")
