"""Several values of one option: who writes them as words of their own is told how they are joined."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from renode_mnist.cli import app


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("bench --models int8 float32", "--models takes several values joined by commas: --models int8,float32"),
        ("bench --models a.tflite b.tflite", "joined by commas: --models a.tflite,b.tflite"),
        ("bench --engines m7 reference --models int8", "joined by commas: --engines m7,reference"),
        ("bench --clocks 216 288", "joined by commas: --clocks 216,288"),
        ("compare --engines m7 reference a.json b.json", "joined by commas: --engines m7,reference"),
        ("parity --target embedded host", "--target is given again for each value: --target embedded --target host"),
        ("test --suite identity protocol", "given again for each value: --suite identity --suite protocol"),
        ("verify --data a.npz b.npz", "given again for each value: --data a.npz --data b.npz"),
        ("golden int8 --inputs a.npy b.npy", "given again for each value: --inputs a.npy --inputs b.npy"),
        ("faults --place weights code", "given again for each value: --place weights --place code"),
        ("ci measure --engine m7 tflm", "given again for each value: --engine m7 --engine tflm"),
    ],
)
def test_words_behind_a_value_are_told_how_to_be_joined(call: str, said: str) -> None:
    done = CliRunner().invoke(app, call.split())
    assert done.exit_code == 2
    assert said in done.output


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("compare --models int8 a.json b.json", "a.json"),  # BEFORE and AFTER
        ("verify --data a.npz mine.tflite", "mine.tflite"),  # MODEL
        ("bench --models int8 missing.elf", "missing.elf"),  # a program
    ],
)
def test_what_an_argument_may_be_is_left_to_it(call: str, said: str) -> None:
    done = CliRunner().invoke(app, call.split())
    told = f"{done.output} {done.exception}"
    assert "joined by commas" not in told
    assert "given again" not in told
    assert said in told
