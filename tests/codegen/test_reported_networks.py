"""Networks as people's reports have them (tests/support/keras_networks.py), on every engine that takes them."""

from __future__ import annotations

import contextlib
import functools

import numpy as np
import pytest

import host_cmsis_nn
from emulated_engine import emulate
from host_batch import HostBatch
from keras_networks import EXPORTS, INT8, NETWORKS, exported
from renode_mnist import codegen, paths
from renode_mnist.build import BuildConfig
from renode_mnist.codegen.graph import Graph
from renode_mnist.codegen.planning import Plan
from renode_mnist.codegen.reader import parse
from renode_mnist.errors import ModelError
from runtimes import Tensors, litert_on, tflite_micro_on

# TensorFlow Lite Micro has no kernel for them.
_ONLY_LITERT = ("gelu", "nearest_decoder")
# It ends the program where scores are as even as an untrained network's.
_FLAT = ("mobilenet_v2", INT8)
# LiteRT knows the operator's version only in newer releases.
_NOBODY = [("nearest_decoder", INT8)]


@functools.cache
def graph(name: str, kind: str) -> Graph:
    return parse(exported(name, kind), f"{name}-{kind}.tflite")


@functools.cache
def inputs(name: str, kind: str) -> tuple[Tensors, ...]:
    random = np.random.default_rng(1)
    shapes = [source.shape for source in graph(name, kind).inputs]
    if kind == INT8:
        drawn = [tuple(random.integers(-128, 128, shape).astype(np.int8) for shape in shapes) for _ in range(3)]
        ends = [tuple(np.full(shape, end, np.int8) for shape in shapes) for end in (-128, 127)]
        return (*drawn, *ends)
    return tuple(tuple(random.normal(0, 1, shape).astype(np.float32) for shape in shapes) for _ in range(3))


@functools.cache
def wanted(name: str, kind: str) -> list[Tensors] | None:
    """What TensorFlow Lite Micro answers; LiteRT's reference kernels where it can't."""
    if (name, kind) in _NOBODY:
        return None
    content, given = exported(name, kind), inputs(name, kind)
    if name in _ONLY_LITERT or kind == "float16" or (name, kind) == _FLAT:
        return litert_on(content, given, reference=True)
    return tflite_micro_on(content, given)


@functools.cache
def batch(engine: str, kind: str) -> HostBatch:
    more = host_cmsis_nn.arguments() if engine == "cmsis-nn" else ()
    plans: dict[str, Plan] = {}
    for name, exported_kind in EXPORTS:
        if exported_kind == kind and taken(name, kind, engine):
            plans[name] = codegen.plan(graph(name, kind), engine)
    return HostBatch(f"reported-{kind}-{engine}", plans, more=more)


def taken(name: str, kind: str, engine: str) -> bool:
    """Whether an engine takes a network; all do but cmsis-nn where one computes in float32 on the way."""
    if engine != "cmsis-nn":
        return True
    with contextlib.suppress(ModelError):
        codegen.plan(graph(name, kind), engine)
        return True
    with pytest.raises(ModelError, match="CMSIS-NN has no float kernels"):
        codegen.plan(graph(name, kind), engine)
    return False


def check(name: str, kind: str, got: list[Tensors], tolerance: float) -> None:
    answers = wanted(name, kind)
    for mine, theirs in zip(got, answers or [], strict=answers is not None):
        for a, b in zip(mine, theirs, strict=True):
            if kind == INT8:
                np.testing.assert_array_equal(a, b)
            else:
                np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * np.abs(b).max())


@pytest.mark.parametrize("engine", ["reference", "m7", "cmsis-nn"])
@pytest.mark.parametrize(("name", "kind"), EXPORTS)
def test_a_reported_network_equals_the_runtimes(name: str, kind: str, engine: str) -> None:
    if engine == "cmsis-nn" and (kind != INT8 or not taken(name, kind, engine)):
        return
    got = [batch(engine, kind)(name, values) for values in inputs(name, kind)]
    check(name, kind, got, 1e-6 if engine == "reference" else 1e-5)


@pytest.mark.long
@pytest.mark.parametrize("engine", ["reference", "m7"])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_reported_network_runs_on_the_embedded_target(name: str, engine: str) -> None:
    model = paths.root() / "build" / "test-keras" / f"{name}.tflite"
    if not model.exists() or model.read_bytes() != exported(name, INT8):
        model.write_bytes(exported(name, INT8))
    flat = tuple(values for (values,) in inputs(name, INT8))
    result = emulate(BuildConfig(model, engine=engine), flat)
    check(name, INT8, [(output,) for output in result.outputs], 0.0)
