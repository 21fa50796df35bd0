"""Every operator on its own samples: each engine against TensorFlow Lite Micro and LiteRT, to the bit in int8.

What is tried is declared beside the operator (`renode_mnist.codegen.operators.samples`); nothing here names one.
"""

from __future__ import annotations

import numpy as np
import pytest

import host_cmsis_nn
import operators_page
from emulated_engine import emulate
from emulated_tflm import run
from renode_mnist import codegen, paths
from renode_mnist.codegen.operators.samples import FLOAT32, INT8, INT16
from renode_mnist.codegen.reader import parse
from renode_mnist.errors import ModelError
from renode_mnist.images import BuildConfig
from runtimes import tflite_micro_on
from sample_engines import (
    REFUSED_TYPES,
    compare,
    disagreements,
    has,
    in_a_chain,
    micro_has,
    mistakes,
    operators,
    refusals,
    refused,
    samples,
    tolerance,
)
from sample_networks import Case, chain, unchecked

EVERY = pytest.mark.parametrize("operator", operators())


def check(wrong: list[str]) -> None:
    assert not wrong, "\n".join([f"{len(wrong)} in all", *wrong[:20]])


@EVERY
def test_runtimes_agree_but_where_the_samples_say(operator: str) -> None:
    check(list(disagreements(operator)))


@EVERY
@pytest.mark.parametrize("engine", ["reference", "m7"])
def test_engines_equal_the_runtimes_on_this_pc(operator: str, engine: str) -> None:
    check(list(mistakes(operator, engine)))


@EVERY
def test_cmsis_nn_equals_the_runtimes_on_this_pc(operator: str) -> None:
    check(list(mistakes(operator, "cmsis-nn", more=host_cmsis_nn.arguments())))


@EVERY
def test_tflm_takes_and_refuses_what_is_said(operator: str) -> None:
    check(list(refusals(operator, "tflm")))


@EVERY
def test_what_cannot_be_computed_is_refused_with_its_reason(operator: str) -> None:
    for entry in refused(operator):
        with pytest.raises(ModelError) as caught:
            codegen.plan(parse(unchecked(operator, entry.sample), "sample.tflite"))
        assert entry.says in str(caught.value), entry.what
        assert f"{operator} 't" in str(caught.value), "the operator and its output are named"


@EVERY
def test_names_of_samples_tell_them_apart(operator: str) -> None:
    names = [sample.name for sample in samples(operator)]
    assert names
    assert len(set(names)) == len(names)
    reasons = [entry.what for entry in refused(operator)]
    assert len(set(reasons)) == len(reasons)


def test_the_page_of_operators_is_up_to_date() -> None:
    assert operators_page.file().read_text() == operators_page.page(), "make docs-tables"


def on_the_chip(case: Case, engine: str, name: str) -> None:
    """Runs a network on the embedded emulator."""
    model = paths.root() / "build" / "test-samples" / f"{name}.tflite"
    model.parent.mkdir(parents=True, exist_ok=True)
    if not model.exists() or model.read_bytes() != case.content:
        model.write_bytes(case.content)
    wanted = tflite_micro_on(case.content, case.inputs.values())
    # A chain that forgets its input on the way would show nothing.
    assert not np.array_equal(wanted[0][0], wanted[1][0])
    # 1e-6 a layer: the chip's compiler fuses multiplications and additions for some engines, that of a PC does not.
    allowed = max(tolerance(case, engine), 1e-6 * len(parse(case.content, model.name).operators))
    flat = tuple(values for (values,) in case.inputs.values())
    result = run(model, "cmsis-nn", flat) if engine == "tflm" else emulate(BuildConfig(model, engine=engine), flat)
    for key, got, answer in zip(case.inputs, result.outputs, wanted, strict=True):
        assert not compare((got,), answer, allowed), key


@pytest.mark.parametrize(
    ("engine", "kind"),
    [
        ("m7", INT8),
        pytest.param("m7", INT16, marks=pytest.mark.long),
        ("cmsis-nn", INT8),
        pytest.param("tflm", INT8, marks=pytest.mark.long),
        pytest.param("tflm", INT16, marks=pytest.mark.long),
    ],
)
def test_an_image_of_every_operator_equals_tensorflow_lite_micro(engine: str, kind: str) -> None:
    firsts = [(operator, links[0]) for operator in operators() if (links := in_a_chain(operator, kind, engine))]
    assert {operator for operator, _ in firsts} == {operator for operator in operators() if micro_has(operator, kind)}
    on_the_chip(chain(firsts, kind), engine, f"every-operator-{kind.lower()}")


@pytest.mark.long
@pytest.mark.parametrize(
    ("operator", "engine", "kind"),
    [
        (operator, engine, kind)
        for operator in operators()
        for engine in ("reference", "m7", "cmsis-nn", "tflm")
        for kind in (INT8, INT16, FLOAT32)
        if has(operator, kind) and kind not in REFUSED_TYPES.get(engine, {})
    ],
)
def test_an_image_of_every_sample_equals_tensorflow_lite_micro(operator: str, engine: str, kind: str) -> None:
    links = [(operator, sample) for sample in in_a_chain(operator, kind, engine)]
    on_the_chip(chain(links, kind), engine, f"every-{operator.lower()}-{kind.lower()}")
