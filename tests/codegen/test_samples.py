"""The language of samples says what operators to come will need: both runtimes take the networks made of it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np

from renode_mnist import paths
from renode_mnist.codegen.operators.samples import (
    EDGES,
    FLOAT32,
    HYBRID,
    INT8,
    LIKE_INPUT,
    Bias,
    Flow,
    Neighbour,
    Sample,
    Weights,
)
from runtimes import tflite_micro_on
from sample_networks import case, cases

_CONV = Sample(
    "like",
    (Flow((1, 5, 5, 2)), Weights((4, 3, 3, 2)), Bias()),
    {"padding": "SAME", "strideH": 1, "strideW": 1},
    types=(FLOAT32, INT8, HYBRID),
)


def test_networks_are_the_same_every_time() -> None:
    for kind in _CONV.types:
        first, second = case("CONV_2D", _CONV, kind), case("CONV_2D", _CONV, kind)
        assert first.content == second.content
        for name, (values,) in first.inputs.items():
            np.testing.assert_array_equal(values, second.inputs[name][0])


def test_every_operator_gets_edges_and_a_uint8_interface_by_its_first_int8_sample() -> None:
    made = [(str(entry), entry.type) for entry in cases("CONV_2D", (_CONV, _CONV.row("second", padding="VALID")))]
    assert sum(kind == "UINT8" for _, kind in made) == 1
    assert len([name for name, _ in made if "'like' INT8/" in name]) == len(EDGES) + 1
    assert len([name for name, _ in made if "'second' INT8/" in name]) == 1


def test_scales_fit_the_values_that_the_network_makes() -> None:
    behind = Neighbour("MAX_POOL_2D", (), {"padding": "VALID", "strideH": 1, "strideW": 1, "filterHeight": 2,
                                           "filterWidth": 2}, LIKE_INPUT[0])  # fmt: skip
    made = case("CONV_2D", _CONV.row("pooled", behind=(behind,)), INT8)
    ((values,),) = tflite_micro_on(made.content, [made.inputs["random"]])
    assert values.max() - int(values.min()) > 64


def test_a_row_changes_attributes_and_options() -> None:
    row = _CONV.row("other", types=(INT8,), strideH=2)
    assert (row.name, row.types, row.inputs) == ("other", (INT8,), _CONV.inputs)
    assert row.options == {"padding": "SAME", "strideH": 2, "strideW": 1}
    assert _CONV.options["strideH"] == 1


def test_declarations_need_nothing_but_the_standard_library() -> None:
    code = "import sys; before = set(sys.modules); import runpy; runpy.run_path(sys.argv[1]); " \
        "print('numpy' in set(sys.modules) - before)"  # fmt: skip
    file = paths.root() / "emu" / "renode_mnist" / "codegen" / "operators" / "samples.py"
    done = subprocess.run([sys.executable, "-c", code, file], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
