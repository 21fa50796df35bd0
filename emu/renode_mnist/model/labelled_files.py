"""Reads labelled samples: MNIST and its like, arrays in a file, a table with a column of labels, folders by class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from renode_mnist.errors import DataError, ModelError
from renode_mnist.model import data, inputs, picture_tensor, tensor_files
from renode_mnist.model.interface import TensorSpec
from renode_mnist.model.labelled import LabelledSet, class_labels
from renode_mnist.model.picture_tensor import Range
from renode_mnist.model.tensor_files import Content, Numbers, Picture

LABEL_HEADINGS = ("labels", "label", "class", "target", "y")
"""A table's column that holds each sample's class; the first there is."""

Ranges = Sequence[Range | None]


@dataclass(frozen=True)
class Where:
    """What to read, and how.

    Attributes:
        data: A file or a folder; None for the MNIST test set.
        labels: The array or column with the index of each sample's class, or a file of its own; None for the usual
            names.
        targets: Likewise with what the output should be, for regressions.
        pixel_range: What black and white stand for, where somebody says so.
        class_names: The model's own, which say which folder is which class.
    """

    data: Path | None = None
    labels: str | None = None
    targets: str | None = None
    pixel_range: Range | None = None
    class_names: tuple[str, ...] = ()


def read(where: Where, specs: Sequence[TensorSpec], content: bytes | None, *, takes_digits: bool) -> LabelledSet:
    """Labelled samples for a model.

    Args:
        where: What to read.
        specs: What the model takes.
        content: The ``.tflite`` file, whose metadata may say what pixels stand for.
        takes_digits: Whether the model is one for MNIST.

    Raises:
        DataError: It can't be had, or does not fit the model.
        ModelError: Nothing is named, and MNIST is not for this model.
    """
    ranges = inputs.pixel_ranges(specs, content, where.pixel_range)
    if where.data is None:
        if not takes_digits:
            raise ModelError(
                "this model is none for 28x28 pictures of ten classes, so that MNIST says nothing of it",
                "Name a data set: `--data FILE.npz`, a `.csv`, or a folder with a folder a class.",
            )
        return _idx(None, specs, ranges)
    if where.data.is_dir():
        if any(where.data.glob("*-ubyte*")):
            return _idx(where.data, specs, ranges)
        return _class_folders(where, specs, ranges)
    if where.data.suffix.lower() == ".csv":
        return _table(where, specs, ranges)
    return _arrays(where, specs, ranges)


def _idx(folder: Path | None, specs: Sequence[TensorSpec], ranges: Ranges) -> LabelledSet:
    split = data.load("test", folder)
    stored, notes = inputs.columns(
        specs, _as_pixels(specs, {specs[0].name: (split.images, split.name)}, ranges), ranges
    )
    return LabelledSet(
        split.name,
        stored,
        split.labels.astype(np.int64),
        None,
        np.arange(len(split.labels)),
        is_shuffled=True,
        notes=notes,
    )


def _arrays(where: Where, specs: Sequence[TensorSpec], ranges: Ranges) -> LabelledSet:
    assert where.data is not None
    file = where.data
    found = dict(tensor_files.read(file).by_name)
    labels = _beside(found, where.labels, ("labels", "label"), file)
    targets = _beside(found, where.targets, (), file)
    names = [spec.name for spec in specs]
    if len(specs) == 1 and names[0] not in found and len(found) == 1:
        found = {names[0]: next(iter(found.values()))}
    left_out = [name for name in found if name not in names]
    if missing := [name for name in names if name not in found]:
        has = ", ".join(f"'{name}'" for name in left_out) or "no array but labels"
        raise DataError(
            f"{file.name} has no array '{missing[0]}' for the model's input: it has {has}",
            "Save the inputs under the model's names for them, beside `labels`.",
        )
    given = {name: (found[name], f"{file.name} [{name}]") for name in names}
    note = f"{file.name}: {', '.join(map(repr, left_out))} left out, the model has no such input" if left_out else ""
    return _of_file(
        where, file, inputs.columns(specs, _as_pixels(specs, given, ranges), ranges), labels, targets, note
    )


def _of_file(
    where: Where,
    file: Path,
    columns: tuple[inputs.Tensors, tuple[str, ...]],
    labels: npt.NDArray[Any] | None,
    targets: npt.NDArray[Any] | None,
    note: str,
) -> LabelledSet:
    stored, notes = columns
    count = len(stored[0])
    return LabelledSet(
        file.name,
        stored,
        None if labels is None else class_labels(labels, count, file.name),
        None if targets is None else _targets(targets, count, file.name),
        np.arange(count),
        class_names=where.class_names,
        notes=(*notes, note) if note else notes,
    )


def _beside(
    found: dict[str, Content], asked: str | None, usual: Sequence[str], file: Path
) -> npt.NDArray[Any] | None:
    """Takes an array out of what a file holds; one that is asked for may be a file of its own."""
    name = asked if asked is not None else next((name for name in usual if name in found), None)
    if name is None:
        return None
    if name in found:
        content: Content | None = found.pop(name)
    else:
        if not Path(name).is_file():
            raise DataError(
                f"{file} has no array '{name}', and there is no such file",
                f"It has {', '.join(map(repr, found))}. Name one of these, or a file with one array.",
            )
        content = next(iter(tensor_files.read(Path(name)).by_name.values()), None)
    values = content.values if isinstance(content, Numbers) else content
    if not isinstance(values, np.ndarray):
        raise DataError(f"'{name}' holds no numbers", "Give an array.")
    return values


def _targets(values: npt.NDArray[Any], count: int, origin: str) -> npt.NDArray[np.float64]:
    if values.size % count or values.dtype.kind not in "biuf" or not len(values) == count:
        raise DataError(
            f"{origin}: the targets have the shape {values.shape}, and there are {count:,} samples",
            "Give what the output should be, a leading axis more for the samples.",
        )
    return values.reshape(count, -1).astype(np.float64)


def _table(where: Where, specs: Sequence[TensorSpec], ranges: Ranges) -> LabelledSet:
    """A row a sample, one column of it the label."""
    assert where.data is not None
    file, spec = where.data, specs[0]
    if len(specs) > 1:
        raise DataError(f"{file.name} is a table, and the model has {len(specs)} inputs", "Give an .npz by names.")
    content = tensor_files.read(file).by_name[""]
    assert isinstance(content, Numbers)
    rows = content.values
    headings = _headings(file)
    taken: dict[str, npt.NDArray[Any]] = {}
    wanted = {"labels": where.labels, "targets": where.targets}
    if where.labels is None and where.targets is None and rows.shape[1] > spec.element_count:
        usual = next((name for name in LABEL_HEADINGS if name in headings), None)
        wanted["labels"] = usual if usual is not None else "" if not headings else None
    kept = list(range(rows.shape[1]))
    for role, name in wanted.items():
        if name is None:
            continue
        if name and name not in headings and Path(name).is_file():
            found = _beside({}, name, (), file)
            assert found is not None
            taken[role] = found
            continue
        if name and name not in headings:
            raise DataError(f"{file} has no column '{name}'", "Name one of its heading, or give it one.")
        column = headings.index(name) if name else 0
        kept.remove(column)
        taken[role] = rows[:, column]
    values = Numbers(rows[:, kept])
    given = _as_pixels(specs, {spec.name: (values, file.name)}, ranges)
    note = f"{file.name} has no heading: its first column is taken for the labels" if wanted["labels"] == "" else ""
    columns = inputs.columns(specs, given, ranges)
    return _of_file(where, file, columns, taken.get("labels"), taken.get("targets"), note)


def _headings(file: Path) -> list[str]:
    """Of a table's columns; none where its first row is numbers."""
    with file.open(encoding="utf-8-sig") as lines:
        first = next((line for line in lines if line.strip()), "")
    cells = [cell.strip().strip('"') for cell in first.strip().replace(";", ",").rstrip(",").split(",")]
    try:
        [float(cell) for cell in cells]
    except ValueError:
        return cells
    return []


def _class_folders(where: Where, specs: Sequence[TensorSpec], ranges: Ranges) -> LabelledSet:
    """A folder a class, pictures in each."""
    assert where.data is not None
    root, spec = where.data, specs[0]
    if len(specs) > 1:
        raise DataError(f"{root} is a folder of pictures, and the model has {len(specs)} inputs", "Give an .npz.")
    folders = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    files = [
        (path, folder.name)
        for folder in folders
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in tensor_files.PICTURE_SUFFIXES
    ]
    if not files:
        raise DataError(
            f"{root} holds no folder with pictures in it",
            f"Give a folder with a folder a class, of {', '.join(tensor_files.PICTURE_SUFFIXES)}; or four idx files.",
        )
    index = _class_index([folder.name for folder in folders], where.class_names)
    pixels = ranges[0] or picture_tensor.usual_range(spec)
    stored = np.empty((len(files), *spec.shape), spec.dtype)
    note = ""
    for row, (path, _) in enumerate(files):
        picture = tensor_files.read(path).by_name[""]
        assert isinstance(picture, Picture)
        reals, note = picture_tensor.to_reals(picture.image, spec, pixels, path.name)
        stored[row] = spec.quantise(reals)
    names = {number: name for name, number in index.items()}
    return LabelledSet(
        root.resolve().name,
        (stored,),
        np.array([index[folder] for _, folder in files], np.int64),
        None,
        np.arange(len(files)),
        own_names=[f"{folder}/{path.name}" for path, folder in files],
        class_names=where.class_names
        or tuple(names.get(number, str(number)) for number in range(max(index.values()) + 1)),
        notes=(f"{len(files):,} pictures in {len(folders)} classes; the last: {note}",),
    )


def _class_index(folders: Sequence[str], class_names: Sequence[str]) -> Mapping[str, int]:
    """Which class a folder is: by the model's names, by its own number, or by the alphabet."""
    if class_names and all(name in class_names for name in folders):
        return {name: class_names.index(name) for name in folders}
    if all(name.isdecimal() for name in folders):
        return {name: int(name) for name in folders}
    if class_names:
        unknown = next(name for name in folders if name not in class_names)
        raise DataError(f"the folder '{unknown}' is no class of the model", f"It has {', '.join(class_names[:20])}.")
    return {name: number for number, name in enumerate(folders)}


def _as_pixels(
    specs: Sequence[TensorSpec], given: Mapping[str, tuple[Content, str]], ranges: Ranges
) -> dict[str, tuple[Content, str]]:
    """Bytes that an image of another type is given are pixels, 0 to 255, and become what these stand for.

    So are all numbers where somebody says what black and white stand for.
    """
    found = dict(given)
    for spec, asked in zip(specs, ranges, strict=True):
        content, origin = given[spec.name]
        values = content.values if isinstance(content, Numbers) else content
        if not isinstance(values, np.ndarray):
            continue
        is_bytes = values.dtype == np.uint8 and spec.dtype != np.uint8 and picture_tensor.is_image(spec)
        if not is_bytes and (asked is None or asked.why != ASKED):
            continue
        pixels = asked or picture_tensor.usual_range(spec)
        if len(pixels.low) > 1 and (not values.ndim or values.shape[-1] != len(pixels.low)):
            raise DataError(f"{origin} has no axis of {len(pixels.low)} channels at its end", "Give channels last.")
        low, high = np.array(pixels.low), np.array(pixels.high)
        if values.dtype == np.uint8 and len(pixels.low) == 1:
            # By a table: a real number a pixel would take eight times the memory of the whole set.
            shades = spec.quantise(low + np.arange(256) / 255 * (high - low))
            found[spec.name] = shades[values], f"{origin}, pixels, {pixels}"
            continue
        found[spec.name] = low + values.astype(np.float64) / 255 * (high - low), f"{origin}, pixels, {pixels}"
    return found


ASKED = "--pixel-range"
"""Why a `Range` is as it is, where a user says so."""
