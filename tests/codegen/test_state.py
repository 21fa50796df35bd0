"""What lives between inferences: an operator's variables, and their reset."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest
from tflite_micro import runtime

import edge_networks
import stateful_networks
from edge_networks import svdf
from host_batch import HostBatch
from host_engine import HostEngine
from renode_mnist import codegen
from renode_mnist.codegen.reader import parse
from renode_mnist.images import BuildConfig, build
from renode_mnist.model.inspect import inspect
from renode_mnist.report import inspection
from renode_mnist.targets.embedded import EmbeddedTarget
from renode_mnist.wire.client import Client
from runtimes import Tensors, tflite_micro_on


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


def test_the_plan_of_ram_tells_what_lives_beside_the_arena(tmp_path: Path) -> None:
    model = tmp_path / "m.tflite"
    model.write_bytes(svdf("INT8", memory=5))
    facts = inspect(model)
    assert inspection.buffers(facts.planned("m7")).title.endswith(" B; beside it 32 B that live between inferences")


CONVERTED = {
    "lstm-float32": lambda: stateful_networks.lstm("float32"),
    "lstm-int8": lambda: stateful_networks.lstm("int8"),
    "gru-int8": lambda: stateful_networks.gru("int8"),
    "stream-float32": lambda: stateful_networks.stream("float32"),
    "stream-int8": lambda: stateful_networks.stream("int8"),
}
"""By name: what a converter writes."""

ENGINES = ("reference", "m7")
ON_THE_CHIP = ("lstm-int8", "stream-int8")


@functools.cache
def converted_on_this_pc() -> HostBatch:
    """Every one of them, compiled at once."""
    graphs = {name: codegen.load(make()) for name, make in CONVERTED.items()}
    plans = {f"{name} {engine}": codegen.plan(graph, engine) for name, graph in graphs.items() for engine in ENGINES}
    return HostBatch("stateful", plans)


def compare(got: Tensors, wanted: Tensors) -> None:
    for mine, theirs in zip(got, wanted, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=0 if mine.dtype == np.int8 else 1e-6)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", CONVERTED)
def test_what_a_converter_writes_goes_on_where_the_last_inference_ended(name: str, engine: str) -> None:
    file, batch, key = CONVERTED[name](), converted_on_this_pc(), f"{name} {engine}"
    given = list(edge_networks.inputs(codegen.load(file), count=5))
    answers = tflite_micro_on(file.read_bytes(), given)
    for _ in range(2):
        for number, (inputs, wanted) in enumerate(zip(given, answers, strict=True)):
            compare((batch if number == 0 else batch.go_on)(key, inputs), wanted)
    anew = batch(key, given[-1])
    differ = any((mine != theirs).any() for mine, theirs in zip(anew, answers[-1], strict=True))
    assert differ, "the state makes no difference: the test shows nothing"


@pytest.mark.parametrize(
    ("name", "engine"),
    [
        pytest.param(name, engine, marks=() if name in ON_THE_CHIP and engine == "m7" else pytest.mark.long)
        for name in CONVERTED
        for engine in ENGINES
    ],
)
def test_the_chip_goes_on_and_begins_anew_likewise(name: str, engine: str) -> None:
    file, batch, key = CONVERTED[name](), converted_on_this_pc(), f"{name} {engine}"
    given = list(edge_networks.inputs(codegen.load(file), count=3))
    with EmbeddedTarget(build(BuildConfig(file, engine=engine)).elf) as target:
        client = Client(target, timeout_seconds=60)
        for _ in range(2):
            for number, inputs in enumerate(given):
                wanted = (batch if number == 0 else batch.go_on)(key, inputs)
                raw = client.infer(inputs[0].tobytes()).tensors
                got = [np.frombuffer(mine, theirs.dtype) for mine, theirs in zip(raw, wanted, strict=True)]
                compare(tuple(mine.reshape(theirs.shape) for mine, theirs in zip(got, wanted, strict=True)), wanted)
            client.reset_state()
