"""What counts as another answer, or another count: each kind of difference alone, at its border."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from renode_mnist.measure import parity
from renode_mnist.session.comparison import answer_differences, counter_differences
from renode_mnist.session.record import Record
from renode_mnist.targets.base import CounterUnit, TargetIdentity
from renode_mnist.wire.messages import (
    Body,
    ErrorReport,
    Inference,
    LayerTiming,
    OutputPiece,
    RunDone,
    StateReset,
    Stats,
    TensorInfo,
    Written,
)

EXACT = TargetIdentity("embedded", "", CounterUnit.INSTRUCTIONS, True)
LAYERS = (LayerTiming("a", "CONV_2D", 12, 1000), LayerTiming("b", "SOFTMAX", 0, 2000))
EDGE = TensorInfo(np.dtype(np.int8), (1, 3), 0.5, -1, "edge")
FIRMWARE = Stats(
    103, 216_000_000, "c", "GNU", "-O2", "m7", "disco", "id", "net", "sha", EDGE, EDGE, 3392, 30_000, 10_000, 9_000,
    4_000, 2_048, 900, "", (EDGE,), (EDGE, EDGE), 2,
)  # fmt: skip
ANSWER = Inference(np.array([0.25, 0.75], np.float32), 1, (b"\x01\x02\x03", b"\x04"), LAYERS, 3100, 0.5)


def differences(left: Body, right: Body) -> list[str]:
    """They are the same both ways round."""
    found = list(answer_differences(left, right))
    assert bool(found) == bool(list(answer_differences(right, left)))
    return found


def test_what_was_answered_alike_does_not_differ_whatever_it_cost() -> None:
    dearer = tuple(replace(layer, counter=2 * layer.counter) for layer in LAYERS)
    assert differences(ANSWER, replace(ANSWER, layers=dearer, counter=1, timer_ms=9)) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        # Of the same tensors: the firmware has made the reals of them wrongly.
        ({"scores": np.array([0.25, 0.5], np.float32)}, "scores [0.25 0.75] against [0.25 0.5 ]"),
        ({"winner": 0}, "class 1 against 0"),
        ({"tensors": (b"\x01\x02\x03",)}, "2 outputs against 1"),
        ({"tensors": (b"\x01\x02\x03", b"\x05")}, "output tensor 1 from byte 0 on: 04 against 05"),
        ({"tensors": (b"\x01\x00\x03", b"\x04")}, "output tensor 0 from byte 1 on: 02 03 against 00 03"),
        ({"tensors": (b"\x01\x02", b"\x04")}, "output tensor 0 from byte 2 on: 03 against nothing"),
        ({"layers": LAYERS[:1]}, "layers ['CONV_2D', 'SOFTMAX'] against ['CONV_2D']"),
        (
            {"layers": (replace(LAYERS[0], op="ADD"), LAYERS[1])},
            "layers ['CONV_2D', 'SOFTMAX'] against ['ADD', 'SOFT",
        ),
        (
            {"layers": (replace(LAYERS[0], macs=13), LAYERS[1])},
            "layers ['CONV_2D', 'SOFTMAX'] against ['CONV_2D', 'S",
        ),
        (
            {"layers": (replace(LAYERS[0], name="c"), LAYERS[1])},
            "layers ['CONV_2D', 'SOFTMAX'] against ['CONV_2D', '",
        ),
    ],
)
def test_one_difference_of_an_inference_is_told_alone(change: dict[str, object], said: str) -> None:
    (found,) = differences(ANSWER, replace(ANSWER, **change))  # type: ignore[arg-type]
    assert found.startswith(said)


def test_a_single_output_has_no_number_and_eight_bytes_are_shown() -> None:
    one = replace(ANSWER, tensors=(bytes(range(12)),))
    (found,) = differences(one, replace(one, tensors=(b"\x00\xff" + bytes(range(2, 12)),)))
    assert found == "output tensor from byte 1 on: 01 02 03 04 05 06 07 08 against ff 02 03 04 05 06 07 08"


@pytest.mark.parametrize(
    ("left", "right", "said"),
    [
        (ErrorReport(8, "", 0, 0), ErrorReport(8, "other", 4, 4), ""),
        (ErrorReport(8, "", 0, 0), ErrorReport(9, "", 0, 0), "error BAD_VALUE against HARD_FAULT"),
        (ErrorReport(8, "", 0, 0), StateReset(), "error BAD_VALUE against StateReset"),
        (OutputPiece(1, 4, b"\x01\x02"), OutputPiece(1, 4, b"\x01\x02"), ""),
        (OutputPiece(1, 4, b"\x01\x02"), OutputPiece(1, 4, b"\x01\x03"), "output 1 from byte 5 on: 02 against 03"),
        (OutputPiece(1, 4, b"\x01"), OutputPiece(2, 4, b"\x01"), "output 1 at byte 4 against output 2 at byte 4"),
        (OutputPiece(1, 4, b"\x01"), OutputPiece(1, 8, b"\x01"), "output 1 at byte 4 against output 1 at byte 8"),
        (RunDone((1, 2), 3, 0.5), RunDone((5, 6), 7, 1.5), ""),
        (RunDone((1, 2), 3, 0.5), RunDone((1,), 3, 0.5), "2 layers against 1"),
        (Written(0, 4), Written(0, 4), ""),
        (Written(0, 4), Written(0, 8), "Written(index=0, count=4) against Written(index=0, count=8)"),
        (FIRMWARE, replace(FIRMWARE, flash_bytes=1, commit="other", stack_used_bytes=8), ""),
        (FIRMWARE, replace(FIRMWARE, engine="other"), f"engine {FIRMWARE.engine} against other"),
        (
            FIRMWARE,
            replace(FIRMWARE, max_payload_bytes=1),
            f"max_payload_bytes {FIRMWARE.max_payload_bytes} against 1",
        ),
    ],
)
def test_other_answers_are_held_against_each_other_field_by_field(left: Body, right: Body, said: str) -> None:
    assert differences(left, right) == ([said] if said else [])


def counted(*counters: int, step: int = 1, unit: CounterUnit = CounterUnit.INSTRUCTIONS) -> list[str]:
    """What is said of another target's counts beside 1000 and 2000 of an exact one."""
    layers = tuple(replace(layer, counter=counter) for layer, counter in zip(LAYERS, counters, strict=True))
    other = replace(EXACT, counter_step=step, counter_unit=unit)
    found = list(counter_differences(ANSWER, replace(ANSWER, layers=layers), EXACT, other))
    assert len(found) == len(list(counter_differences(replace(ANSWER, layers=layers), ANSWER, other, EXACT)))
    return found


@pytest.mark.parametrize("other", [-1, 1, 10])
def test_exact_counts_may_not_be_one_instruction_apart(other: int) -> None:
    assert counted(1000, 2000) == []
    (found,) = counted(1000, 2000 + other)
    assert found == f"layer 1 (SOFTMAX): 2,000 against {2000 + other:,} instructions, more than 0 apart"
    assert len(counted(1000 + other, 2000 + other)) == 2


def test_counts_in_steps_may_be_the_steps_apart_and_no_more() -> None:
    assert counted(1216, 1784, step=216) == []
    assert counted(1217, 1784, step=216) == [
        "layer 0 (CONV_2D): 1,000 against 1,217 instructions, more than 216 apart"
    ]
    assert counted(1000, 1783, step=216) != []
    stepping = replace(EXACT, counter_step=100)
    apart = replace(ANSWER, layers=(replace(LAYERS[0], counter=1200), LAYERS[1]))
    assert list(counter_differences(ANSWER, apart, stepping, stepping)) == []  # both of them
    assert list(counter_differences(ANSWER, apart, stepping, EXACT)) != []
    two = replace(EXACT, counter_step=2)
    beside = replace(ANSWER, layers=(replace(LAYERS[0], counter=1002), LAYERS[1]))
    assert list(counter_differences(ANSWER, beside, EXACT, two)) == []


def test_counts_of_another_unit_are_not_comparable() -> None:
    assert counted(1, 1, unit=CounterUnit.CYCLES_MEASURED) == []
    cycles = replace(EXACT, counter_unit=CounterUnit.CYCLES_MODELLED)
    dearer = replace(ANSWER, layers=(replace(LAYERS[0], counter=1), LAYERS[1]))
    assert list(counter_differences(ANSWER, dearer, cycles, cycles)) == []


def test_parity_tells_answers_and_counts_of_each_input() -> None:
    first = [Record(EXACT, FIRMWARE, ANSWER, name, np.zeros((28, 28), np.uint8)) for name in "34"]
    other = replace(ANSWER, winner=0, layers=(replace(LAYERS[0], counter=1001), LAYERS[1]))
    right = [first[0], replace(first[1], inference=other)]
    alike, differing = parity.compare(first, right)
    assert (alike.input, alike.record, alike.differences) == ("3", first[0], ())
    assert differing.input == "4"
    assert differing.differences == (
        "class 1 against 0",
        "layer 0 (CONV_2D): 1,000 against 1,001 instructions, more than 0 apart",
    )
    with pytest.raises(ValueError, match="shorter"):
        parity.compare(first, right[:1])
