"""Golden vectors: written, read back, and what they refuse to judge."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from renode_mnist import codegen, paths
from renode_mnist.errors import CheckFailed, DataError
from renode_mnist.model import golden, inputs, interface
from renode_mnist.model.golden import GoldenVectors
from renode_mnist.model.yardstick import LiteRt, equal_bits
from runtimes import tflite_micro_on

MODEL = paths.models() / "mnist_int8.tflite"


@pytest.fixture(scope="module")
def vectors() -> GoldenVectors:
    graph = codegen.load(MODEL)
    samples = inputs.seeded(interface.inputs(graph), 3)
    return golden.make(graph, samples, LiteRt(MODEL.read_bytes(), graph))


@pytest.fixture
def file(vectors: GoldenVectors, tmp_path: Path) -> Path:
    golden.write(vectors, tmp_path / "vectors.npz")
    return tmp_path / "vectors.npz"


def test_the_answers_are_those_of_tflite_micro(vectors: GoldenVectors) -> None:
    for expected, found in zip(tflite_micro_on(MODEL.read_bytes(), vectors.inputs), vectors.outputs, strict=True):
        assert equal_bits(found, expected)


def test_what_was_written_is_read_back(vectors: GoldenVectors, file: Path, tmp_path: Path) -> None:
    found = golden.read(file)
    assert found.identity == vectors.identity
    assert (found.input_specs, found.output_specs) == (vectors.input_specs, vectors.output_specs)
    assert all(
        equal_bits(a, b) for a, b in zip(found.inputs + found.outputs, vectors.inputs + vectors.outputs, strict=True)
    )
    golden.write(found, tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == file.read_bytes()
    with np.load(file) as plain:  # NumPy alone
        assert plain["output_0"].shape == (3, 1, 10)


def test_an_answer_is_judged_to_the_bit(vectors: GoldenVectors) -> None:
    vectors.check(1, vectors.outputs[1])
    wrong = vectors.outputs[1][0].copy()
    wrong[0, 4] += 1
    with pytest.raises(CheckFailed, match=r"output 'Identity' of golden sample 1 is off by 1 step .* 1 of 10"):
        vectors.check(1, (wrong,))


def test_another_models_answers_are_not_judged(vectors: GoldenVectors) -> None:
    vectors.check_model(golden.sha256_of(MODEL))
    with pytest.raises(DataError, match=r"of mnist_int8\.tflite .* is another"):
        vectors.check_model(golden.sha256_of(paths.models() / "mnist_qat.tflite"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"output_0": None}, "no array for the output 'Identity'"),
        ({"output_0": np.zeros((3, 1, 10), np.uint8)}, "has uint8"),
        ({"input_0": np.zeros((2, 1, 28, 28, 1), np.int8)}, "different numbers of samples"),
        ({"golden.json": None}, "it has no golden.json"),
        ({"golden.json": np.frombuffer(b'{"format": 99}', np.uint8)}, "format 99"),
        ({"golden.json": np.frombuffer(b"[]", np.uint8)}, "golden.json: "),
    ],
)
def test_vectors_that_contradict_themselves_are_refused(
    file: Path, change: dict[str, np.ndarray | None], said: str
) -> None:
    with np.load(file) as whole:
        arrays = {name: whole[name] for name in whole.files}
    arrays = {name: array for name, array in {**arrays, **change}.items() if array is not None}
    np.savez(file, **arrays)
    with pytest.raises(DataError, match=said):
        golden.read(file)


def test_what_is_no_archive_of_vectors_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"does not end in \.npz"):
        golden.read(MODEL)
    with pytest.raises(DataError, match="not written as"):
        golden.write(GoldenVectors(None, (), (), (), ()), tmp_path / "x.npy")  # type: ignore[arg-type]
