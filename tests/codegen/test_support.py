"""What cannot be computed is refused by operator and tensor, before anything is built."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from renode_mnist import codegen
from renode_mnist.codegen import operators
from renode_mnist.codegen.reader import parse
from renode_mnist.errors import ModelError
from tflite_builder import ModelBuilder


def refusal(build: Callable[[ModelBuilder], tuple[int, int]]) -> str:
    b = ModelBuilder()
    content = b.finish(*build(b))
    with pytest.raises(ModelError) as caught:
        codegen.plan(parse(content, "model.tflite"))
    return str(caught.value)


def test_an_unknown_operator_is_named_with_its_tensor_before_its_tensors_are_judged() -> None:
    def build(b: ModelBuilder) -> tuple[int, int]:
        x, y = b.activation((1, 4), "COMPLEX64"), b.activation((1, 4), "COMPLEX64")
        b.operator("RFFT2D", (x,), (y,))
        return x, y

    message = refusal(build)
    assert message.startswith("Operator RFFT2D 't1' is not supported. docs/operators.md says what is: ABS, ADD,")


def test_an_engine_that_does_not_exist_is_refused_with_those_that_do() -> None:
    b = ModelBuilder()
    x, y = b.activation((1, 4)), b.activation((1, 4))
    b.operator("RELU", (x,), (y,))
    with pytest.raises(ModelError, match=r"Choose one of: .*reference"):
        codegen.plan(parse(b.finish(x, y), "m.tflite"), engine="turbo")


def test_the_generator_ends_in_one_line_for_bad_input(tmp_path: Path) -> None:
    file = tmp_path / "bad.tflite"
    file.write_bytes(b"no model")
    done = subprocess.run(
        [sys.executable, "-m", "renode_mnist.codegen", str(file), "--output", str(tmp_path / "out")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("error: bad.tflite is no TensorFlow Lite model")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_an_output_larger_than_both_terms_is_refused() -> None:
    def build(b: ModelBuilder) -> tuple[int, int]:
        x, y = b.activation((1, 4)), b.activation((3, 4))
        b.add(x, x, y)
        return x, y

    assert "ADD 't1' is not supported: 't0' (float32 1x4) and 't0' (float32 1x4) do not make 't1'" in refusal(build)


@pytest.mark.parametrize("engine", codegen.ALL_ENGINES)
def test_an_engines_file_for_an_operator_is_named_as_the_operators_own(engine: str) -> None:
    """In a file of another name a kernel would never be called, and nothing would say so."""
    package = Path(operators.__file__).parent
    own = {operators.file_of(name) for name in operators.known()}
    assert own == {file.stem for file in package.glob("*.py") if "\nDEFINITION = " in file.read_text()}
    files = (package.parent / engine.replace("-", "_")).glob("*.py")
    found = {file.stem for file in files if re.search(r"^(KERNEL|REGISTRATION) = ", file.read_text(), re.MULTILINE)}
    assert found <= own
    assert (not found) == (engine == "reference")
