"""Every variant of the network through the emulated UART, against the runtimes that define its answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from digit_inputs import to_input
from random_networks import Network
from renode_mnist import codegen
from renode_mnist.errors import ModelError
from renode_mnist.images import BuildConfig, Engine, build, resolve_model
from renode_mnist.session.opening import open_session
from runtimes import litert, tflite_micro
from tflite_builder import ModelBuilder

Digits = dict[str, npt.NDArray[np.uint8]]


@pytest.mark.parametrize(
    ("variant", "engine"),
    [
        *(("int8", engine) for engine in ("reference", "m7")),
        *(("float32", engine) for engine in ("reference", "m7")),
        ("size", "m7"),
        ("uint8", "reference"),
        *(pytest.param(*other, marks=pytest.mark.long) for other in (
            ("size", "reference"), ("uint8", "m7"), ("qat", "reference"), ("qat", "m7"),
        )),
    ],
)  # fmt: skip
def test_ten_digits_are_answered_as_the_runtime_does(variant: str, engine: Engine, digits: Digits) -> None:
    model = resolve_model(variant)
    tensor = codegen.load(model).inputs[0]
    inputs = to_input(np.stack(list(digits.values())), tensor)
    oracle = litert if variant == "size" else tflite_micro
    wanted = np.concatenate(oracle(Network(model.read_bytes(), inputs, ())))
    with open_session("embedded", build(BuildConfig(model, engine=engine)).elf) as session:
        answers = [session.classify(pixels).inference for pixels in digits.values()]
    got = np.stack([np.frombuffer(answer.tensor, wanted.dtype) for answer in answers])
    assert [answer.winner for answer in answers] == [int(name) for name in digits]
    if variant in ("int8", "uint8", "qat"):
        np.testing.assert_array_equal(got, wanted)
        return
    tolerance = 1e-6 if (variant, engine) == ("float32", "reference") else 1e-5
    np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=tolerance)


def test_a_model_of_another_shape_builds_and_refuses_a_picture(tmp_path: Path, digits: Digits) -> None:
    builder = ModelBuilder()
    source = builder.activation((1, 12))
    weights = builder.constant(np.ones((3, 12), np.float32))
    result = builder.activation((1, 3))
    builder.fully_connected(source, weights, None, result)
    model = tmp_path / "sums.tflite"
    model.write_bytes(builder.finish(source, result))
    with open_session("embedded", build(BuildConfig(model)).elf) as session:
        with pytest.raises(ModelError, match="takes 1x12 and answers 1x3; a picture needs 1x28x28x1"):
            session.classify(digits["1"])
        assert session.client.infer(np.arange(12, dtype=np.float32).tobytes()).scores.tolist() == [66, 66, 66]
