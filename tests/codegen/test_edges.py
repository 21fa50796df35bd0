"""What goes in and out of a network: several inputs and outputs, of many types, in each other's way in the arena."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import edge_networks
from edge_networks import NETWORKS
from host_engine import HostEngine
from renode_mnist import codegen
from renode_mnist.codegen.reader import parse
from renode_mnist.errors import ModelError
from runtimes import tflite_micro_on
from tflite_builder import ModelBuilder


def written(content: bytes, folder: Path) -> Path:
    model = folder / "model.tflite"
    model.write_bytes(content)
    return model


@pytest.mark.parametrize("engine", ["reference", "m7"])
@pytest.mark.parametrize("name", NETWORKS)
def test_all_inputs_and_outputs_are_those_of_tensorflow_lite_micro(name: str, engine: str, tmp_path: Path) -> None:
    content = NETWORKS[name]()
    made = HostEngine(written(content, tmp_path), tmp_path / "code", engine)
    given = list(edge_networks.inputs(made.plan.graph))
    for inputs, wanted in zip(given, tflite_micro_on(content, given), strict=True):
        for mine, theirs in zip(made.infer(inputs), wanted, strict=True):
            assert mine.dtype == theirs.dtype
            np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("name", NETWORKS)
def test_inputs_live_from_the_first_step_and_outputs_to_the_last(name: str) -> None:
    plan = codegen.plan(parse(NETWORKS[name](), "m.tflite"), "m7")
    last = len(plan.steps) - 1
    assert len(plan.program.inputs) == len(plan.graph.inputs)
    assert all(plan.placement(buffer).first == 0 for buffer in plan.program.inputs)
    assert all(plan.placement(buffer).last == last for buffer in plan.program.outputs)


def test_what_no_engine_takes_at_the_edge_is_refused_by_its_name() -> None:
    b = ModelBuilder()
    x, other, y = b.activation((1, 4)), b.activation((1, 4), "FLOAT16"), b.activation((1, 4))
    b.operator("RELU", (x,), (y,))
    with pytest.raises(ModelError, match=r"'t1' \(float16 1x4\) is not supported"):
        codegen.plan(parse(b.finish(x, y, other), "m.tflite"))


def test_a_constant_output_beside_others_is_refused() -> None:
    b = ModelBuilder()
    x, y, constant = b.activation((1, 4)), b.activation((1, 4)), b.constant(np.zeros((1, 4), np.float32))
    b.operator("RELU", (x,), (y,))
    with pytest.raises(ModelError, match="does not depend on the input"):
        codegen.plan(parse(b.finish_with((x,), (y, constant)), "m.tflite"))
