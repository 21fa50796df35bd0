"""What lives between inferences: an operator's variables, and their reset."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tflite_micro import runtime

import edge_networks
from edge_networks import svdf
from host_engine import HostEngine
from renode_mnist import codegen
from renode_mnist.codegen.reader import parse


@pytest.mark.parametrize("state", ["INT16", "INT8"])
def test_inferences_build_on_each_other_and_a_reset_begins_anew(state: str, tmp_path: Path) -> None:
    content = svdf(state)
    model = tmp_path / "model.tflite"
    model.write_bytes(content)
    made = HostEngine(model, tmp_path / "code")
    interpreter = runtime.Interpreter.from_bytes(content, arena_size=1 << 16)
    given = list(edge_networks.inputs(made.plan.graph, count=6))
    firsts = []
    for _ in range(2):
        answers = []
        for inputs in given:
            interpreter.set_input(inputs[0], 0)
            interpreter.invoke()
            wanted = interpreter.get_output(0)
            (got,) = made.infer(inputs)
            np.testing.assert_array_equal(got, wanted)
            answers.append(got)
        firsts.append(answers[0])
        made.reset_state()
        interpreter.reset()
    np.testing.assert_array_equal(firsts[0], firsts[1])
    (kept,) = made.infer(given[0])
    (again,) = made.infer(given[0])
    assert (kept != again).any(), "the state makes no difference: the test shows nothing"


def test_state_stands_outside_of_the_arena_and_is_counted() -> None:
    plan = codegen.plan(parse(svdf("INT8", memory=5), "m.tflite"), "m7")
    (variable,) = plan.program.state
    assert variable.byte_count == 30
    assert plan.state_bytes == 32
    assert (variable.initial == -11).all()
    assert variable.name not in {placement.buffer.name for placement in plan.placements}
    text = codegen.files(plan)["model.cpp"]
    assert "std::fill_n(state_at<std::int8_t>(0), 30, std::int8_t{-11});" in text
