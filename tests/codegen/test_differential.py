"""The differential run finds what it is to find: what is planted here is reported, shrunk and written down."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

import differential
from differential import MENUS, Answers, Difference, Menu
from random_networks import Network
from runtimes import tflite_micro

INT8 = MENUS[0]


@pytest.fixture(autouse=True)
def one_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose build is the shortest."""
    monkeypatch.setattr(differential, "ENGINES", (("reference", "time"),))


def a_step_off(network: Network) -> Answers:
    """A runtime that is wrong where there is more than one output channel: the last number, by a step."""
    answers = [values.copy() for values in tflite_micro(network)]
    for values in answers:
        if values.shape[-1] > 1:
            values.flat[-1] = values.flat[-1] - 1 if values.dtype.kind == "f" or values.flat[-1] > 0 else 1
    return answers


def test_a_batch_of_right_engines_has_no_difference() -> None:
    found = differential.batch(INT8, 3, 4)
    assert found.differences == []
    assert found.networks == 4
    assert found.runs["reference/time"] + sum(found.unanswered.values()) == 4


def test_a_seed_draws_the_same_networks() -> None:
    once, twice = (differential.drawn(INT8, 5, 6) for _ in range(2))
    assert [network.content for network in once] == [network.content for network in twice]
    assert len({network.content for network in once + differential.drawn(INT8, 6, 6)}) > 6


def test_a_difference_is_shrunk_and_written_down() -> None:
    menu = Menu("INT8", INT8.layers, a_step_off, "planted")
    found = differential.batch(menu, 1, 8)
    assert {each.where for each in found.differences} == {"reference/time"}
    first = found.differences[0]
    smallest = differential.shrunk(menu, 1, 8, first)
    assert len(smallest.network.operators) <= min(2, len(first.network.operators))
    assert len(smallest.network.content) <= len(first.network.content)
    folder = differential.written(smallest, menu, 1)
    assert (folder / "network.tflite").read_bytes() == smallest.network.content
    said = json.loads((folder / "difference.json").read_text())
    assert said["where"] == "reference/time"
    assert said["seed"] == 1
    inputs = np.load(folder / "inputs.npz")
    for position, values in enumerate(smallest.network.inputs):
        np.testing.assert_array_equal(inputs[f"arr_{position}"], values)


def test_what_ends_the_process_or_is_refused_is_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    some = differential.drawn(INT8, 3, 1)
    monkeypatch.setattr(differential, "_infer", lambda *_: os.abort())
    (difference,) = differential.compared(INT8, some, "differential-planted").differences
    assert difference == Difference("reference/time", "ends the program", some[0])


def test_tolerance_is_for_real_numbers_alone() -> None:
    one, near = np.array([1.0], np.float32), np.array([1 + 1e-5], np.float32)
    assert differential.differs([one], [near], 1e-6) == "input 0: 1 differ, 1.0 instead of 1.0000100135803223 at [0]"
    assert differential.differs([one], [near], 1e-4) == ""
    whole = np.array([3], np.int8)
    assert "3 instead of 4" in differential.differs([whole], [whole + np.int8(1)], 1.0)
    assert "int8 (1,) instead of float32 (1,)" in differential.differs([whole], [one], 1.0)
