"""Firmware against the PC: equal where it is, and where it is not, the layer is named."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

import stateful_networks
from any_networks import kept, two_by_two
from edge_networks import svdf
from planted import with_defect
from renode_mnist import codegen
from renode_mnist.cli import app
from renode_mnist.codegen import reader
from renode_mnist.codegen.graph import PLANAR, ElementType, Tensor
from renode_mnist.errors import CheckFailed, EnvironmentProblem, ModelError, RenodeMnistError
from renode_mnist.images import BuildConfig, resolve_model
from renode_mnist.measure.layer_tensors import SeenTensor, seen_tensors
from renode_mnist.measure.quantisation_error import partners
from renode_mnist.measure.verify import Verification
from renode_mnist.measure.verify_image import verify_image
from renode_mnist.model import inputs, interface, yardstick
from renode_mnist.model.difference import Verdict
from renode_mnist.model.inputs import Samples
from renode_mnist.report import grid, verification, verification_page
from renode_mnist.session.opening import available, machine_of
from renode_mnist.session.target_options import TargetOptions
from runtimes import tflite_micro_on
from tflite_builder import ModelBuilder

INT8 = resolve_model("int8")

# A shift off by one in one channel: the constant that an engine keeps it in, and where.
CHANNEL = 5
SHIFTS = {
    "reference": ("kConv2d4Shifts", CHANNEL, "CONV_2D"),
    "m7": ("kConv2d4Scalings", CHANNEL * 4 + 3, "CONV_2D"),
}


def samples_of(model: Path, count: int = 2) -> Samples:
    specs = interface.inputs(codegen.load(model))
    return inputs.edge_cases(specs) + inputs.seeded(specs, count)


def verified(
    model: Path, target: str, engine: Any = "reference", elf: Path | None = None, **more: Any
) -> Verification:
    config = BuildConfig(model, engine=engine, machine=machine_of(target))
    return verify_image(config, target, TargetOptions(), more.pop("samples", samples_of(model)), elf=elf, **more)


@pytest.fixture(scope="module")
def equal() -> Verification:
    return verified(INT8, "embedded", "m7", against=resolve_model("float32"))


# A network that is as it should be -------------------------------------------------------------------------------


def test_int8_is_equal_to_the_bit_in_every_tensor_that_can_be_seen(equal: Verification) -> None:
    assert equal.verdict is Verdict.EQUAL
    assert equal.equal_samples == equal.outputs_equal == len(equal.samples) == 5
    assert verification.verdict(equal) == "Equal to the bit in 5 of 5 samples."
    compared = [row.op for row in equal.rows if row.difference is not None]
    assert compared == ["MAX_POOL_2D", "MAX_POOL_2D", "CONV_2D", "FULLY_CONNECTED", "FULLY_CONNECTED", "SOFTMAX"]


def test_what_is_computed_within_a_step_is_not_claimed(equal: Verification) -> None:
    hidden = {row.op: row.note for row in equal.rows if row.difference is None}
    assert hidden == {
        "CONV_2D": "within step 1, CONV_2D+MAX_POOL_2D",
        "RESHAPE": "RESHAPE costs no step: no copy of its own",
    }
    assert any(
        "Not compared (within step 0, CONV_2D+MAX_POOL_2D)" in note for note in verification.tensors(equal).notes
    )


def test_float32_is_within_its_bound_and_not_called_equal() -> None:
    model = resolve_model("float32")
    few = inputs.seeded(interface.inputs(codegen.load(model)), 1)
    found = verified(model, "embedded", "m7", samples=few)
    assert found.verdict is Verdict.WITHIN
    assert 0 < found.most_units <= found.float_bound_ulp == 64
    assert "Equal" not in verification.verdict(found)
    assert "ULP" in verification.verdict(found)
    tight = verified(model, "embedded", "m7", samples=few, float_bound_ulp=found.most_units / 2)
    assert tight.verdict is Verdict.DIFFERENT


def test_what_quantisation_costs_is_shown_by_tensor(equal: Verification) -> None:
    assert all(row.partner for row in equal.quantisation)
    assert all(20 < row.difference.snr_db < 60 for row in equal.quantisation if row.difference is not None)
    shown = grid.text(verification.quantisation(equal))
    assert "Error of quantisation against mnist_float32.tflite" in shown


def test_litert_as_it_comes_is_a_line_of_its_own(equal: Verification) -> None:
    assert equal.default_runtime is not None
    assert "no yardstick" in verification.default_runtime(equal.default_runtime, 5)


def test_the_page_has_a_plot_over_the_layers_and_escapes_names(equal: Verification) -> None:
    page = verification_page.render(equal)
    assert page.count('<ul class="chart">') == 2
    assert "Equal to the bit in 5 of 5 samples." in page
    json.dumps(verification.to_json(equal), allow_nan=False)


# A defect --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "engine"),
    [
        ("embedded", "reference"),
        pytest.param("embedded", "m7", marks=pytest.mark.long),  # one more image, and the same way to look into it
        ("host", "reference"),
        ("renode", "reference"),
    ],
)
def test_a_shift_off_by_one_in_one_channel_is_found_and_its_layer_named(target: str, engine: str) -> None:
    if target == "renode" and "renode" not in available():
        pytest.skip("Renode is not installed")
    constant, place, op = SHIFTS[engine]
    machine = machine_of(target)
    config = BuildConfig(INT8, engine=engine, machine=machine, trace=target != "embedded")  # type: ignore[arg-type]
    elf = with_defect(f"{engine}-{machine}-{config.trace}", config, constant, place, 1)
    found = verified(INT8, target, engine, elf=elf, samples=inputs.seeded(interface.inputs(codegen.load(INT8)), 1))
    assert found.verdict is Verdict.DIFFERENT
    assert found.first is not None
    assert found.first.row.op == op
    assert found.first.row.step.endswith(" CONV_2D")
    assert found.first.channels == (CHANNEL,)
    said = verification.first_difference(found.first)
    assert f"all in channel {CHANNEL} of 64" in said
    assert constant.removeprefix("kConv2d")[0] == str(
        next(each.index for each in codegen.load(INT8).operators if each.output.index == found.first.row.index)
    )


def test_the_command_says_so_and_exits_with_1(tmp_path: Path) -> None:
    config = BuildConfig(INT8, engine="reference")
    elf = with_defect("reference-stm32f746-False", config, *SHIFTS["reference"][:2], 1)
    options = ("--engine", "reference", "--elf", str(elf), "--count", "1")
    done = called("int8", *options, "--html", str(tmp_path / "page.html"))
    assert done.exit_code == 1
    assert isinstance(done.exception, CheckFailed)
    assert f"all in channel {CHANNEL} of 64" in " ".join(done.output.split())
    assert "First difference in the order of execution" in (tmp_path / "page.html").read_text()
    told = json.loads(called("int8", *options, "--json").stdout)
    assert told["verdict"] == "different"
    assert told["first_difference"]["channels"] == [CHANNEL]
    assert told["first_difference"]["operator"] == "CONV_2D"
    assert [entry["verdict"] for entry in told["tensors"][:5]] == ["equal to the bit"] * 4 + ["different"]


def called(*words: str) -> Result:
    return CliRunner().invoke(app, ["verify", *words])


def test_an_image_of_another_model_or_engine_is_not_misread() -> None:
    elf = with_defect("reference-stm32f746-False", BuildConfig(INT8, engine="reference"), *SHIFTS["reference"][:2], 1)
    with pytest.raises(RenodeMnistError, match="holds mnist_int8"):
        verified(resolve_model("qat"), "embedded", "reference", elf=elf)
    with pytest.raises(RenodeMnistError, match="not those of engine m7"):
        verified(INT8, "embedded", "m7", elf=elf)


# Other networks --------------------------------------------------------------------------------------------------


def test_several_inputs_and_outputs_of_several_types() -> None:
    model = kept("two[bold]by_two.tflite", two_by_two())
    found = verified(model, "embedded", "m7")
    assert found.verdict is Verdict.EQUAL
    assert [row.is_output for row in found.rows] == [False, True, True]
    assert "two[bold]by_two.tflite" in verification_page.render(found)


def test_without_litert_engine_reference_is_the_yardstick_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: Any, **__: Any) -> Any:
        raise EnvironmentProblem("LiteRT's kernels need ai_edge_litert")

    monkeypatch.setattr(yardstick, "_interpreter", missing)
    monkeypatch.setattr(yardstick, "version", lambda: "")
    found = verified(INT8, "embedded", "m7", samples=samples_of(INT8, 1))
    assert found.yardstick == "engine reference on this PC (LiteRT is not installed)"
    assert found.verdict is Verdict.EQUAL
    assert found.default_runtime is None


def test_a_model_that_litert_takes_for_another_is_held_against_engine_reference() -> None:
    model = kept("svdf.tflite", svdf("INT8"))
    found = verified(model, "host", "reference")
    assert "its SVDF takes the int8 state of 't5' for int16" in found.yardstick
    assert found.verdict is Verdict.EQUAL  # the state is set back before each sample
    with pytest.raises(ModelError, match="LiteRT can't judge svdf"):
        yardstick.LiteRt(model.read_bytes(), codegen.load(model))


def test_dense_layers_of_int16_which_litert_rounds_otherwise_are_held_against_engine_reference() -> None:
    b = ModelBuilder()
    x, y = b.activation((1, 4), "INT16", scale=1e-4), b.activation((1, 2), "INT16", scale=1e-4)
    b.fully_connected(x, b.constant(np.ones((2, 4), np.int8), scales=[0.01]), None, y)
    why = yardstick.unfit(reader.parse(b.finish(x, y), "dense.tflite"))
    assert why == "in int16 it multiplies the sums of 't1' in double, where a result may be a step off"


def test_where_litert_rounds_a_dense_layer_otherwise_engine_reference_has_the_last_word(tmp_path: Path) -> None:
    b, random = ModelBuilder(), np.random.default_rng(3)
    x, y = b.activation((1, 32), "INT8", scale=0.02), b.activation((1, 64), "INT8", scale=0.05, zero_point=7)
    weights = b.constant(random.integers(-127, 128, (64, 32), np.int8), scales=[0.01])
    b.fully_connected(x, weights, None, y)
    model = kept("dense_rounded_twice.tflite", b.finish(x, y))
    graph, samples = codegen.load(model), samples_of(model, 60)
    judge = yardstick.LiteRt(model.read_bytes(), graph)
    micro = tflite_micro_on(model.read_bytes(), samples.sets)
    theirs = [yardstick.outputs(graph, judge.tensors(tensors)) for tensors in samples.sets]
    assert any(np.any(a != b) for (a,), (b,) in zip(theirs, micro, strict=True))
    found = verified(model, "host", "m7", samples=samples)
    assert found.verdict is Verdict.EQUAL
    assert "once, not twice" in found.yardstick
    vectors = tmp_path / "golden.npz"
    result = CliRunner().invoke(app, ["golden", str(model), "--count", "60", "--output", str(vectors)])
    assert "once, not twice" in result.output
    with np.load(vectors) as stored:
        (answer,) = tflite_micro_on(model.read_bytes(), [(stored["input_0"][5],)])[0]
        np.testing.assert_array_equal(stored["output_0"][5], answer)


def test_variables_that_litert_does_not_reset_begin_anew_with_each_sample() -> None:
    found = verified(stateful_networks.stream("int8"), "host", "m7")
    assert found.yardstick.startswith("LiteRT ")
    assert found.verdict is Verdict.EQUAL


@pytest.mark.long  # the converter takes half a minute for it
def test_an_lstm_in_int8_is_held_against_engine_reference() -> None:
    graphs = {kind: codegen.load(stateful_networks.lstm(kind)) for kind in ("int8", "float32")}
    assert "rounds the int8 gates of 'tfl.unidirectional_sequence_lstm'" in yardstick.unfit(graphs["int8"])
    assert not yardstick.unfit(graphs["float32"])


# Parts -----------------------------------------------------------------------------------------------------------


def test_an_image_that_stands_channel_by_channel_is_brought_back() -> None:
    values = np.arange(24, dtype=np.int8).reshape(1, 2, 3, 4)
    tensor = Tensor(0, "image", ElementType.INT8, values.shape, None, None)
    seen = SeenTensor(tensor, 0, 0, PLANAR, (1, 2))
    raw = values.transpose(0, 3, 1, 2).tobytes()
    assert np.array_equal(seen.array(raw), values)
    assert seen.part(values).shape == (1, 1, 2, 4)


def test_the_interpreter_shows_its_outputs_only() -> None:
    assert seen_tensors(codegen.plan(codegen.load(INT8), "tflm")) == ()


def test_tensors_are_matched_by_name_then_by_order() -> None:
    def chain(shapes: list[int]) -> bytes:
        builder = ModelBuilder()
        tensors = [builder.activation((1, size)) for size in shapes]
        for source, result in pairwise(tensors):
            builder.operator("RELU", (source,), (result,))
        return builder.finish(tensors[0], tensors[-1])

    mine = reader.parse(chain([4, 4, 4, 4]), "mine")
    other = reader.parse(chain([4, 4, 4, 4]), "other")
    assert [(a.index, b.index) for a, b in sorted(partners(mine, other).items(), key=lambda pair: pair[0].index)] == [
        (1, 1),
        (2, 2),
        (3, 3),
    ]


def test_an_operator_that_the_reference_kernels_of_litert_lack_is_named() -> None:
    b = ModelBuilder()
    x, y = b.activation((1, 4)), b.activation((1, 4))
    b.operator("ELU", (x,), (y,))
    content = b.finish(x, y)
    with pytest.raises(yardstick.LacksKernel, match="have no ELU"):
        yardstick.LiteRt(content, reader.parse(content, "elu.tflite"))
