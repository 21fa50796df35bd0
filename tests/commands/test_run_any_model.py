"""``run`` and ``golden`` of a network that is none for digits: tensors in, an answer with names out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from any_networks import kept, two_by_two
from model_metadata import metadata, with_files
from renode_mnist import paths
from renode_mnist.cli import app
from renode_mnist.errors import CheckFailed, RenodeMnistError
from renode_mnist.images import BuildConfig, build
from renode_mnist.model import golden
from tflite_builder import ModelBuilder

MOTIONS = paths.models() / "motions"
MODEL = MOTIONS / "motions_int8.tflite"
LABELS = ("--labels", str(MOTIONS / "labels.txt"))


def called(command: str, *words: str | Path) -> Result:
    return CliRunner().invoke(app, [command, *map(str, words)])


def ran(*words: str | Path, model: Path = MODEL) -> Result:
    return called("run", "--target", "embedded", "--model", model, *words)


def refused(*words: str | Path, model: Path = MODEL) -> str:
    done = ran(*words, model=model)
    assert done.exit_code
    assert isinstance(done.exception, RenodeMnistError | SystemExit), done.exception
    return str(done.exception) if isinstance(done.exception, RenodeMnistError) else done.output


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """One of the test set's samples as a file, and what it shows."""
    data = np.load(MOTIONS / "test.npz")
    names = (MOTIONS / "labels.txt").read_text().split()
    file = tmp_path_factory.mktemp("sample") / "motion.npy"
    np.save(file, data["motion"][0])
    return file, names[int(data["labels"][0])]


def test_the_answer_has_the_labels_and_what_each_layer_cost(sample: tuple[Path, str]) -> None:
    file, motion = sample
    done = ran("--input", file, *LABELS, "--expect", motion)
    assert done.exit_code == 0, done.output
    assert "motion.npy: 1 sample, real numbers, quantised with scale" in done.output
    assert "the best 4 of 4 classes" in " ".join(done.output.split())
    for word in (motion, "CONV_2D", "instructions", "SHA-256"):
        assert word in done.output


def test_an_expectation_that_fails_names_both(sample: tuple[Path, str]) -> None:
    file, motion = sample
    other = next(name for name in (MOTIONS / "labels.txt").read_text().split() if name != motion)
    done = ran("--input", file, *LABELS, "--expect", other)
    assert isinstance(done.exception, CheckFailed)
    assert f"motion.npy was classified as {motion}, expected {other}" in str(done.exception)


def test_the_outputs_are_kept_and_told_as_json(sample: tuple[Path, str], tmp_path: Path) -> None:
    for name in ("out.npy", "out.npz", "out.json"):
        assert ran("--input", sample[0], "--output", tmp_path / name).exit_code == 0
    told = json.loads(ran("--input", sample[0], *LABELS, "--json").stdout)
    (output,) = told["outputs"]
    assert (output["label"], output["type"], output["shape"]) == (sample[1], "int8", [1, 4])
    assert np.load(tmp_path / "out.npy").tolist() == output["stored"]
    assert np.load(tmp_path / "out.npz")["Identity"].tolist() == output["stored"]
    assert json.loads((tmp_path / "out.json").read_text())["Identity"]["real"] == output["real"]


def test_without_an_input_numbers_are_seeded_and_that_is_said() -> None:
    first, again, other = (ran("--seed", str(seed)).stdout for seed in (1, 1, 2))
    assert "no input was given (--input FILE): seeded numbers (seed 1): int8 over its whole range" in first
    assert first == again != other


def test_an_elf_says_by_itself_what_it_takes(sample: tuple[Path, str]) -> None:
    elf = build(BuildConfig(MODEL)).elf
    done = called("run", "--target", "embedded", "--elf", elf, "--input", sample[0], *LABELS, "--expect", sample[1])
    assert done.exit_code == 0, done.output


def test_what_does_not_fit_is_refused_before_anything_is_built(tmp_path: Path) -> None:
    Image.new("L", (8, 8)).save(tmp_path / "x.png")
    np.save(tmp_path / "shape.npy", np.zeros((7, 7)))
    np.save(tmp_path / "two.npy", np.zeros((2, 100, 6)))
    (tmp_path / "three.txt").write_text("a\nb\nc\n")
    assert "no image of 1, 3 or 4 channels" in refused("--input", tmp_path / "x.png")
    assert "has the shape 7x7" in refused("--input", tmp_path / "shape.npy")
    assert "2 samples are given" in refused("--input", tmp_path / "two.npy")
    assert "Give it as `--input" in refused("--image", tmp_path / "x.png")
    assert "give one of them" in refused("--image", tmp_path / "x.png", "--input", tmp_path / "x.png")
    assert "no input 'other'" in refused("--input", f"other={tmp_path / 'shape.npy'}")
    assert "names 3 classes, and the outputs have 4 elements" in refused("--labels", tmp_path / "three.txt")


def test_a_class_that_there_is_not_is_refused() -> None:
    assert "no class 'Swimming' among 4" in refused(*LABELS, "--expect", "Swimming")
    assert "class names come from a file of labels or the model's metadata" in refused("--expect", "Running")
    assert "no class '4' among 4" in refused("--expect", "4")


def test_labels_come_from_the_models_metadata_and_other_outputs_are_numbers(tmp_path: Path) -> None:
    builder = ModelBuilder()
    source, result, other = (builder.activation((1, 3), "FLOAT32") for _ in range(3))
    builder.operator("SOFTMAX", (source,), (result,), "SoftmaxOptions", beta=1.0)
    builder.operator("RELU", (source,), (other,))
    builder.attach(metadata(["labels.txt"]))
    content = with_files(builder.finish_with((source,), (result, other)), {"labels.txt": "[bold]left\nmid\nright\n"})
    (tmp_path / "network.tflite").write_bytes(content)
    (tmp_path / "x.csv").write_text("5,1,2\n")
    done = ran("--input", tmp_path / "x.csv", "--expect", "[bold]left", model=tmp_path / "network.tflite")
    assert done.exit_code == 0, done.output
    assert "[bold]left" in done.stdout
    assert "2.66667" in done.stdout  # the other output's mean


def test_several_inputs_are_given_by_name_and_every_output_is_shown(tmp_path: Path) -> None:
    model = kept("two[bold]by_two.tflite", two_by_two())
    np.save(tmp_path / "a.npy", np.full(6, 1.0))
    (tmp_path / "b.json").write_text("[0, 0, 0, 0, 0, 0.2]")
    files = ("--input", f"t0={tmp_path / 'a.npy'}", "--input", f"t2={tmp_path / 'b.json'}")
    told = json.loads(ran(*files, "--json", model=model).stdout)
    total, dense = told["outputs"]
    assert total["real"] == [pytest.approx([1.0] * 5 + [1.2])]
    assert (dense["type"], dense["shape"]) == ("int8", [1, 3])
    shown = ran(*files, model=model).stdout
    assert "t3" in shown
    assert "t4" in shown
    assert "two[bold]by_two.tflite" in shown
    assert "2 inputs: 't0', 't2'" in refused("--input", tmp_path / "a.npy", model=model)
    assert "2 outputs could be meant" in refused(*files, "--expect", "1", model=model)


def test_golden_vectors_are_made_of_a_data_set(tmp_path: Path) -> None:
    done = called("golden", MODEL, "--inputs", MOTIONS / "test.npz", "--count", "3", "--output", tmp_path / "v.npz")
    assert done.exit_code == 0, done.output
    assert "3 samples of motions_int8.tflite" in done.output
    vectors = golden.read(tmp_path / "v.npz")
    assert len(vectors) == 3
    vectors.check_model(golden.sha256_of(MODEL))
    assert vectors.identity.yardstick.startswith("LiteRT ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "--model", "int8", "--input", "x.npy", "--output", "x.npy"], "would write over the input"),
        (["run", "--model", "int8", "--pixel-range", "nan", "1"], "two different numbers"),
        (["run", "--model", "int8", "--pixel-range", "1", "1"], "two different numbers"),
        (["verify", "int8", "--ulp", "nan"], "no number"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_runs(arguments: list[str], said: str) -> None:
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 2
    assert said in done.output
