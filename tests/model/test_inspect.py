"""`renode-mnist inspect`: the figures, the pictures, and that they agree with the linker."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from renode_mnist import paths
from renode_mnist.build import BuildConfig, Engine, build
from renode_mnist.commands.inspect import inspect as command
from renode_mnist.errors import CheckFailed, ModelError
from renode_mnist.model.inspect import CODE_BYTES, inspect
from tflite_builder import ModelBuilder

INT8 = paths.models() / "mnist_int8.tflite"


def test_macs_and_parameters_are_the_articles() -> None:
    facts = inspect(INT8)
    assert facts.parameters == 93_322
    assert [operator.macs for operator in facts.operators] == [
        194_688, 0, 2_230_272, 0, 331_776, 0, 36_864, 640, 0
    ]  # fmt: skip


@pytest.mark.parametrize("engine", ["reference", "m7"])
def test_the_plan_is_what_the_linker_places(engine: Engine) -> None:
    facts = inspect(INT8).engine(engine)
    text = build(BuildConfig(INT8, engine=engine)).linker_map.read_text()
    arena = re.search(r"\.bss\.\S*arena\S*\n?\s+0x[0-9a-f]+\s+0x([0-9a-f]+)", text)
    weights = re.search(r"^\.weights\s+0x[0-9a-f]+\s+0x([0-9a-f]+)", text, re.MULTILINE)
    assert arena is not None
    assert weights is not None
    assert int(arena[1], 16) == facts.arena_bytes
    # The linker aligns each array.
    assert 0 <= int(weights[1], 16) - facts.weights_bytes < 256


@pytest.mark.parametrize("engine", ["reference", "m7"])
def test_the_estimate_of_code_is_near_the_truth(engine: Engine) -> None:
    text = build(BuildConfig(INT8, engine=engine)).linker_map.read_text()
    sections = [
        re.search(rf"^\.{name}\s+0x[0-9a-f]+\s+0x([0-9a-f]+)", text, re.MULTILINE) for name in ("text", "rodata")
    ]
    code_bytes = sum(int(found[1], 16) for found in sections if found)
    assert 0.6 < code_bytes / CODE_BYTES[engine] <= 1.0


def test_json_holds_what_the_tables_show() -> None:
    done = CliRunner().invoke(command, ["int8", "--json"])
    facts = json.loads(done.output)
    assert done.exit_code == 0
    assert facts["macs"] == 2_794_240
    reference = next(engine for engine in facts["engines"] if engine["engine"] == "reference")
    assert reference["fits"]
    assert max(step["live_bytes"] for step in reference["steps"]) == 27_040
    assert {buffer["layout"] for buffer in reference["buffers"]} == {"NHWC"}
    assert facts["tensors"][0]["scales"] == pytest.approx([1 / 255])


def test_the_picture_marks_the_peak() -> None:
    done = CliRunner().invoke(command, ["int8", "--engine", "reference"], env={"COLUMNS": "140"})
    assert done.exit_code == 0
    peaks = [line for line in done.output.splitlines() if line.rstrip().endswith("peak")]
    assert len(peaks) == 1
    assert peaks[0].split()[:2] == ["1", "MAX_POOL_2D"]


def test_a_model_that_no_engine_takes_is_shown_with_the_reason(tmp_path: Path) -> None:
    b = ModelBuilder()
    x, y = b.activation((1, 4)), b.activation((1, 4))
    b.operator("TANH", (x,), (y,))
    file = tmp_path / "tanh.tflite"
    file.write_bytes(b.finish(x, y))
    done = CliRunner().invoke(command, [str(file)], env={"COLUMNS": "140"})
    assert isinstance(done.exception, CheckFailed)
    assert "Operator TANH 't1' is not supported" in done.output


def test_a_model_too_large_for_the_chip_is_said_not_to_fit(tmp_path: Path) -> None:
    b = ModelBuilder()
    x, y = b.activation((1, 1000)), b.activation((1, 300))
    b.fully_connected(x, b.constant(np.zeros((300, 1000), np.float32)), None, y)
    file = tmp_path / "large.tflite"
    file.write_bytes(b.finish(x, y))
    assert not any(engine.fits for engine in inspect(file).engines)
    with pytest.raises(CheckFailed, match=r"large\.tflite cannot run on this chip"):
        CliRunner().invoke(command, [str(file)], catch_exceptions=False)


def test_a_file_that_is_no_model_is_refused() -> None:
    with pytest.raises(ModelError, match="no TensorFlow Lite model"):
        inspect(paths.digits() / "3.png")
