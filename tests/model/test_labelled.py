"""Labelled samples out of files: what each kind comes to, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from renode_mnist.errors import DataError, ModelError, RenodeMnistError
from renode_mnist.model import data, labelled_files
from renode_mnist.model.interface import TensorSpec
from renode_mnist.model.labelled import LabelledSet
from renode_mnist.model.labelled_files import ASKED, Where
from renode_mnist.model.picture_tensor import Range

INT8 = np.dtype(np.int8)
PICTURE = TensorSpec("image", INT8, (1, 8, 8, 1), 1 / 255, -128)
WAVE = TensorSpec("wave", np.dtype(np.float32), (1, 4))
PIXELS = np.arange(2 * 64, dtype=np.uint8).reshape(2, 8, 8)


def read(file: Path | None, spec: TensorSpec = PICTURE, **where: Any) -> LabelledSet:
    return labelled_files.read(Where(file, **where), [spec], None, takes_digits=False)


def saved(folder: Path, **arrays: Any) -> Path:
    file = folder / "set.npz"
    np.savez(file, **arrays)
    return file


def test_bytes_for_an_image_of_another_type_are_pixels(tmp_path: Path) -> None:
    found = read(saved(tmp_path, images=PIXELS, labels=[3, 1]))
    assert found.inputs[0].tolist() == (PIXELS.astype(int) - 128).reshape(2, 1, 8, 8, 1).tolist()
    assert found.labels is not None
    assert found.labels.tolist() == [3, 1]
    assert any("pixels, black to white 0 to 1" in note for note in found.notes)


def test_what_the_tensor_stores_is_taken_as_it_is_and_other_arrays_are_left_out(tmp_path: Path) -> None:
    stored = (PIXELS.astype(int) - 128).astype(np.int8)
    found = read(saved(tmp_path, image=stored, weights=[1.0], kind=[0, 1]), labels="kind")
    assert found.inputs[0].reshape(2, 8, 8).tolist() == stored.tolist()
    assert found.labels is not None
    assert any("'weights' left out" in note for note in found.notes)


def test_with_a_range_of_pixels_all_numbers_are_pixels(tmp_path: Path) -> None:
    asked = Range((-1.0,), (1.0,), ASKED)
    found = read(saved(tmp_path, wave=[[0, 255, 51, 102]]), WAVE, pixel_range=asked)
    assert found.inputs[0].reshape(-1).tolist() == pytest.approx([-1, 1, -0.6, -0.2])


def test_targets_are_real_numbers_by_sample(tmp_path: Path) -> None:
    found = read(saved(tmp_path, wave=np.zeros((3, 4), np.float32), next=[[1.5], [2], [3]]), WAVE, targets="next")
    assert found.labels is None
    assert found.targets is not None
    assert found.targets.tolist() == [[1.5], [2.0], [3.0]]


@pytest.mark.parametrize(
    ("heading", "rows", "values"),
    [
        ("a,label,b,c,d", ["1,7,2,3,4"], [1, 2, 3, 4]),  # by its heading, wherever it stands
        ("", ["7,1,2,3,4"], [1, 2, 3, 4]),  # without one the first
    ],
)
def test_a_table_has_a_column_of_labels(tmp_path: Path, heading: str, rows: list[str], values: list[int]) -> None:
    file = tmp_path / "set.csv"
    file.write_text("\n".join(filter(None, [heading, *rows, *rows])))
    found = read(file, WAVE)
    assert found.labels is not None
    assert found.labels.tolist() == [7, 7]
    assert found.inputs[0].reshape(2, 4).tolist() == [values, values]


def test_a_folder_a_class_has_pictures_with_their_names(tmp_path: Path) -> None:
    for folder, shade in (("cat", 0), ("dog", 255)):
        (tmp_path / folder).mkdir()
        Image.fromarray(np.full((8, 8), shade, np.uint8)).save(tmp_path / folder / "one.png")
    found = read(tmp_path)
    assert found.labels is not None
    assert (found.labels.tolist(), found.class_names) == ([0, 1], ("cat", "dog"))
    assert [found.sample_name(position) for position in range(2)] == ["cat/one.png", "dog/one.png"]
    assert found.inputs[0].reshape(2, -1)[:, 0].tolist() == [-128, 127]
    named = read(tmp_path, class_names=("bird", "dog", "cat"))
    assert named.labels is not None
    assert named.labels.tolist() == [2, 1]


def test_folders_of_numbers_are_those_classes(tmp_path: Path) -> None:
    for folder in ("10", "2"):
        (tmp_path / folder).mkdir()
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / folder / "one.png")
    found = read(tmp_path)
    assert found.labels is not None
    assert found.labels.tolist() == [10, 2]


def test_idx_files_are_pixels_and_their_first_speak_for_all(tmp_path: Path) -> None:
    images = np.arange(3 * 784, dtype=np.uint16).astype(np.uint8).reshape(3, 28, 28)
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(data.to_idx(images))
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(data.to_idx(np.array([1, 2, 3], np.uint8)))
    spec = TensorSpec("image", INT8, (1, 28, 28, 1), 1 / 255, -128)
    found = read(tmp_path, spec).only(2)
    assert found.inputs[0].reshape(2, 28, 28).tolist() == (images[:2].astype(int) - 128).tolist()
    assert found.numbers.tolist() == [0, 1]


def test_a_part_of_another_set_is_evenly_spread_and_keeps_its_numbers(tmp_path: Path) -> None:
    whole = read(saved(tmp_path, wave=np.zeros((9, 4), np.float32), labels=np.arange(9)), WAVE)
    part = whole.only(3)
    assert part.labels is not None
    assert part.labels.tolist() == [0, 3, 6]
    assert [part.sample_name(position) for position in range(3)] == ["#0", "#3", "#6"]
    assert part.sha256() != whole.sha256()
    assert whole.only(20) is whole


@pytest.mark.parametrize(
    ("arrays", "where", "said"),
    [
        ({"labels": [1]}, {}, "no array 'wave'"),
        ({"wave": np.zeros((2, 4)), "labels": [1]}, {}, "1 labels for 2 samples"),
        ({"wave": np.zeros((2, 4)), "labels": [0.5, 1]}, {}, "no whole numbers"),
        ({"wave": np.zeros((2, 4)), "labels": [-1, 1]}, {}, "no whole numbers from 0 on"),
        ({"wave": np.zeros((2, 4))}, {"labels": "kind"}, "no array 'kind'"),
        ({"wave": np.zeros((2, 4)), "y": [1.0]}, {"targets": "y"}, "there are 2 samples"),
        ({"wave": np.zeros((2, 5))}, {}, "has the shape 2x5"),
    ],
)
def test_what_does_not_fit_is_told(tmp_path: Path, arrays: Any, where: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read(saved(tmp_path, **arrays), WAVE, **where)


def test_a_folder_without_pictures_and_a_model_without_data_are_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no folder with pictures"):
        read(tmp_path)
    with pytest.raises(ModelError, match="Name a data set"):
        read(None)
    (tmp_path / "fish").mkdir()
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "fish" / "one.png")
    with pytest.raises(RenodeMnistError, match="is no class of the model"):
        read(tmp_path, class_names=("bird",))
