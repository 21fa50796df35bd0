"""Models with changed tables, and that their judge finds what is wrong with one."""

from __future__ import annotations

import pytest

import mutated_models
from mutated_models import Mutant, held, mutant
from renode_mnist.codegen import reader
from renode_mnist.errors import ModelError


def some(count: int, first: int = 1) -> list[Mutant]:
    return [each for each in map(mutant, range(first, first + count)) if each is not None]


def test_a_model_with_changed_tables_is_refused_or_computed_as_tensorflow_lite_micro_does() -> None:
    found = held(some(24), "mutated-few")
    assert [f"{each}: {what}" for each, what in found.wrong] == []
    assert sum(found.refused.values()) > 5
    assert found.equal["reference"] == found.equal["m7"] > 0


def test_a_seed_makes_the_same_model() -> None:
    assert some(6) == some(6)
    assert len({each.content for each in some(12)}) > 6


def test_a_reader_that_falls_over_or_does_not_end_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def falls(content: bytes, name: str) -> None:
        raise IndexError("list index out of range")

    def hangs(content: bytes, name: str) -> None:
        while True:
            pass

    (one, *_) = some(1)
    monkeypatch.setattr(mutated_models, "parse", falls)
    ((_, what),) = held([one], "mutated-few").wrong
    assert what.startswith("IndexError")
    assert "in falls" in what
    monkeypatch.setattr(mutated_models, "_SECONDS", 1)
    monkeypatch.setattr(mutated_models, "parse", hangs)
    ((_, what),) = held([one], "mutated-few").wrong
    assert what.startswith("reading it takes more than 1 s")


@pytest.mark.parametrize(
    ("number", "change", "said"),
    [
        # TensorFlow Lite Micro gives it memory of its own, and computes with whatever is there.
        (20, "variable", "is a variable, and has a constant's values"),
        # TensorFlow Lite Micro reads behind the end of the list; LiteRT refuses it too.
        (5991, "zero_points", "has 1 scales and 0 zero points"),
    ],
)
def test_what_tensorflow_lite_micro_takes_from_other_memory_is_refused(number: int, change: str, said: str) -> None:
    one = mutant(number)
    assert one is not None
    assert one.changes == (change,)
    with pytest.raises(ModelError, match=said):
        mutated_models.codegen.plan(reader.parse(one.content, "mutant.tflite"))
