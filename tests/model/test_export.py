"""The committed models: made again from their Keras files, and as accurate as their card says."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from renode_mnist import paths
from renode_mnist.errors import ModelError
from renode_mnist.model import data, export, keras_file, pipeline, train
from renode_mnist.model.card import README, Card

CARD = Card.load(paths.models())


def committed(variant: str) -> bytes:
    return (paths.models() / CARD.converted[variant].file).read_bytes()


def tensors(tflite: bytes) -> list[dict[str, Any]]:
    interpreter = Interpreter(model_content=tflite)
    interpreter.allocate_tensors()
    return list(interpreter.get_tensor_details())


@pytest.fixture(scope="module")
def keras_models() -> dict[Path, Any]:
    return {
        path: keras_file.load(path) for path in set(pipeline.sources(paths.models() / "mnist.keras", None).values())
    }


def convert_again(variant: export.Variant, keras_models: dict[Path, Any]) -> bytes:
    source = pipeline.sources(paths.models() / "mnist.keras", [variant])[variant]
    return export.convert(keras_models[source], variant, data.load("train"))


@pytest.mark.parametrize("variant", ["float32", "size", "qat"])
def test_a_model_is_made_again_to_the_byte(variant: export.Variant, keras_models: dict[Path, Any]) -> None:
    assert convert_again(variant, keras_models) == committed(variant)


@pytest.mark.parametrize("variant", ["uint8", "int8"])
def test_a_calibrated_model_is_made_again(variant: export.Variant, keras_models: dict[Path, Any]) -> None:
    # Its ranges are measured by float kernels, whose last bit is the processor's own.
    for ours, theirs in zip(tensors(convert_again(variant, keras_models)), tensors(committed(variant)), strict=True):
        assert (ours["name"], ours["shape"].tolist()) == (theirs["name"], theirs["shape"].tolist())
        scales = [each["quantization_parameters"]["scales"] for each in (ours, theirs)]
        np.testing.assert_allclose(*scales, rtol=1e-5)


@pytest.mark.parametrize("variant", export.VARIANTS)
def test_the_accuracy_in_the_card_is_measured_and_at_least_99_percent(variant: export.Variant) -> None:
    result = export.evaluate(committed(variant), data.load("test"))
    record = CARD.converted[variant]
    assert (result.correct, result.count) == (record.correct, record.count)
    assert result.count == 10_000
    assert result.correct >= 9_900


def test_the_card_describes_the_files_beside_it(keras_models: dict[Path, Any]) -> None:
    assert (paths.models() / README).read_text(encoding="utf-8") == CARD.readme()
    for path, model in keras_models.items():
        (record,) = [each for each in CARD.trained.values() if each.file == path.name]
        assert train.weights_digest(model.get_weights()) == record.weights_sha256
    assert list(CARD.converted) == list(export.VARIANTS)


def test_a_c_array_compiles_and_holds_the_model(tmp_path: Path) -> None:
    tflite = committed("int8")
    header, source = export.c_array(tflite, "mnist_int8")
    (tmp_path / "mnist_int8.h").write_text(header)
    (tmp_path / "mnist_int8.c").write_text(source)
    (tmp_path / "main.cpp").write_text("""
#include <cstdint>
#include <cstdio>
#include "mnist_int8.h"
#include "mnist_int8.h"
int main() {
    if (reinterpret_cast<std::uintptr_t>(mnist_int8) % 16 != 0) return 1;
    return std::fwrite(mnist_int8, 1, mnist_int8_len, stdout) == sizeof mnist_int8 ? 0 : 2;
}
""")
    warnings = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    subprocess.run(["gcc", *warnings, "-c", "mnist_int8.c"], cwd=tmp_path, check=True)
    subprocess.run(["g++", *warnings, "main.cpp", "mnist_int8.o", "-o", "show"], cwd=tmp_path, check=True)
    assert subprocess.run([tmp_path / "show"], capture_output=True, check=True).stdout == tflite


def test_a_c_array_needs_a_c_name() -> None:
    with pytest.raises(ModelError, match="no C identifier"):
        export.c_array(b"", "my model")


def test_files_that_are_no_model_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="There is no file"):
        keras_file.load(tmp_path / "nowhere.keras")
    broken = tmp_path / "broken.keras"
    broken.write_bytes((paths.models() / "mnist.keras").read_bytes()[:5000])
    with pytest.raises(ModelError, match="is no Keras model"):
        keras_file.load(broken)
    with pytest.raises(ModelError, match="LiteRT can't read"):
        export.scores(committed("int8")[:1000], np.zeros((1, 28, 28), np.uint8))


def test_variants_that_cannot_be_made_are_named(tmp_path: Path) -> None:
    alone = tmp_path / "mnist.keras"
    alone.write_bytes((paths.models() / "mnist.keras").read_bytes())
    assert "qat" not in pipeline.sources(alone, None)
    with pytest.raises(ModelError, match=r"qat needs .*mnist_qat\.h5"):
        pipeline.sources(alone, ["qat"])
    with pytest.raises(ModelError, match="it can't become int8"):
        pipeline.sources(paths.models() / "mnist_qat.h5", ["int8"])
