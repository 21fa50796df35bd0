"""The language of samples says what operators to come will need: both runtimes take the networks made of it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from renode_mnist import paths
from renode_mnist.codegen.operators.samples import (
    DECLARED,
    EDGES,
    FLOAT32,
    HYBRID,
    INT8,
    LIKE_INPUT,
    Bias,
    Branch,
    Flow,
    Neighbour,
    Numbers,
    Output,
    Sample,
    Values,
    Weights,
)
from runtimes import litert_on, tflite_micro_on
from sample_networks import case, cases

_IMAGE = Flow((1, 4, 5, 3))
_SAME = LIKE_INPUT[0]
_TO_COME: dict[str, Sample] = {
    "ARG_MAX": Sample("", (Flow((1, 9)), Values(1)), {"outputType": "INT32"}, (Output(type="INT32"),)),
    "BATCH_MATMUL": Sample("", (Flow((2, 3, 4)), Flow((2, 4, 5)))),
    "CAST": Sample("", (Flow((1, 9), type="INT32", below=100),), {}, (Output(type="FLOAT32"),), (DECLARED,)),
    "CONCATENATION": Sample("", (Flow((1, 4, 3), "", 0.1, 3), Flow((1, 4, 5), "", 0.1, 3)), {"axis": 2}, LIKE_INPUT),
    "EQUAL": Sample("", (_IMAGE, Flow((3,))), {}, (Output(type="BOOL"),)),
    "EXPAND_DIMS": Sample("", (_IMAGE, Values(0)), {}, LIKE_INPUT),
    "GATHER": Sample("", (Flow((6, 2)), Flow((4,), type="INT32", below=6)), {"axis": 0}, LIKE_INPUT),
    "HARD_SWISH": Sample("", (_IMAGE,)),
    "L2_NORMALIZATION": Sample("", (Flow((2, 7)),), {}, (Output(scale=1 / 128, zero_point=0),)),
    "LEAKY_RELU": Sample("", (_IMAGE,), {"alpha": 0.1}),
    "LOGISTIC": Sample("", (_IMAGE,), {}, (Output(scale=1 / 256, zero_point=-128),)),
    "MAXIMUM": Sample("", (_IMAGE, Branch()), {}, LIKE_INPUT, (FLOAT32,)),
    "MIRROR_PAD": Sample("", (Flow((3, 4)), Values(((1, 1), (0, 2)))), {"mode": "REFLECT"}, LIKE_INPUT),
    "MUL": Sample("", (_IMAGE, Numbers((3,))), {"fusedActivationFunction": "RELU"}),
    "PACK": Sample("", (Flow((2, 3)), Flow((2, 3))), {"axis": 1, "valuesCount": 2}, LIKE_INPUT, (FLOAT32,)),
    "PRELU": Sample("", (_IMAGE, Numbers((1, 1, 3)))),
    "RESIZE_BILINEAR": Sample("", (_IMAGE, Values((7, 9))), {"halfPixelCenters": True}, LIKE_INPUT),
    "RESIZE_NEAREST_NEIGHBOR": Sample("", (_IMAGE, Values((8, 10))), {}, LIKE_INPUT),
    "SELECT_V2": Sample("", (Flow((1, 5), type="BOOL"), Flow((1, 5)), Flow((1, 5))), {}, (Output(),), (FLOAT32,)),
    "SPLIT": Sample("", (Values(2), Flow((1, 2, 6))), {"numSplits": 3}, (_SAME,) * 3),
    "SPLIT_V": Sample("", (Flow((1, 6)), Values((1, 5)), Values(1)), {"numSplits": 2}, (_SAME, _SAME)),
    "STRIDED_SLICE": Sample("", (_IMAGE, Values((0, 1, 0, 0)), Values((1, 4, 5, 2)), Values((1, 2, 2, 1))),
                            {"endMask": 1}, LIKE_INPUT),
    "TANH": Sample("", (_IMAGE,), {}, (Output(scale=1 / 128, zero_point=0),)),
    "TRANSPOSE": Sample("", (_IMAGE, Values((0, 3, 1, 2))), {}, LIKE_INPUT),
    "TRANSPOSE_CONV": Sample("", (Values((1, 8, 10, 2)), Weights((2, 3, 3, 3)), Flow((1, 4, 5, 3)), Bias()),
                             {"padding": "SAME", "strideH": 2, "strideW": 2}),
    "UNPACK": Sample("", (Flow((3, 4)),), {"num": 3, "axis": 0}, (_SAME,) * 3),
}  # fmt: skip


@pytest.mark.parametrize("operator", _TO_COME)
def test_operators_to_come_can_be_declared(operator: str) -> None:
    for made in cases(operator, (_TO_COME[operator],)):
        inputs = [made.inputs["random"]]
        micro, lite = tflite_micro_on(made.content, inputs)[0], litert_on(made.content, inputs)[0]
        assert len(micro) == len(lite) == len(_TO_COME[operator].outputs)
        for a, b in zip(micro, lite, strict=True):
            assert a.dtype == b.dtype
            assert a.shape == b.shape
            assert np.allclose(a.astype(np.float64), b.astype(np.float64), atol=1e-5 if a.dtype.kind == "f" else 1)


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
                                           "filterWidth": 2}, _SAME)  # fmt: skip
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
