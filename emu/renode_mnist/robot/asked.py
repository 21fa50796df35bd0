"""What a network is asked: a built-in sample, files, or arrays by the names of its inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from renode_mnist import paths
from renode_mnist.errors import DataError
from renode_mnist.model import inputs, preprocess, tensor_files
from renode_mnist.model.inputs import SEED, Samples, Tensors
from renode_mnist.model.interface import TensorSpec
from renode_mnist.robot.capabilities import CapabilityKeywords

BUILT_IN_DIGIT = 7


class AskedTensors(CapabilityKeywords):
    """Brings what a suite gives into the form of the network's inputs."""

    def _seeded(self, seed: int = SEED) -> Samples:
        return inputs.seeded(self._input_specs, 1, seed)

    def _from_file(self, file: str | Path) -> Samples:
        return self._from_files({"": _there(file)})

    def _from_files(self, files: Mapping[str, Path]) -> Samples:
        content = None if self._model is None else self._model.read_bytes()
        specs = self._input_specs
        return inputs.from_files(specs, files, inputs.pixel_ranges(specs, content, None))

    def _by_name(self, given: Mapping[str, object]) -> Samples:
        """Files and arrays mixed."""
        specs = {spec.name: spec for spec in self._input_specs}
        if set(given) != set(specs):
            raise DataError(f"given is {_quoted(given)}", f"Give one for each of {_quoted(specs)}.")
        columns: list[list[npt.NDArray[Any]]] = []
        notes: list[str] = []
        counts: set[int] = set()
        for name, spec in specs.items():
            value = given[name]
            one = self._one_from_file(spec, value) if isinstance(value, str | Path) else _from_array(spec, value)
            columns.append([tensors[0] for tensors in one.sets])
            notes += one.notes
            counts.add(len(one.sets))
        if len(counts) > 1:
            raise DataError("the inputs have different numbers of samples", "Give as many of each.")
        sets = tuple(zip(*columns, strict=True))
        return Samples(sets, tuple(f"given #{number}" for number in range(len(sets))), tuple(notes))

    def _one_from_file(self, spec: TensorSpec, file: str | Path) -> Samples:
        content = None if self._model is None else self._model.read_bytes()
        position = [each.name for each in self._input_specs].index(spec.name)
        range_ = inputs.pixel_ranges(self._input_specs, content, None)[position]
        return inputs.from_files([spec], {spec.name: _there(file)}, [range_])


def digit_pixels(picture: str) -> tuple[preprocess.Digit, str]:
    """A sample digit (``7``) or a picture file, and what to call it."""
    is_sample = len(picture) == 1 and picture in "0123456789"
    file = paths.digits() / f"{picture}.png" if is_sample else Path(picture)
    return preprocess.read(file), file.name


def array_in(file: str | Path, name: str) -> npt.NDArray[Any]:
    """One array of a file, or of a file of its own.

    Args:
        file: Holds several, by name.
        name: Of the array; or another file, which holds one.

    Raises:
        DataError: There is none.
    """
    found = tensor_files.read(_there(file)).by_name
    content = found.get(name)
    if content is None and Path(name).is_file():
        others = tensor_files.read(Path(name)).by_name
        content = next(iter(others.values())) if len(others) == 1 else None
    if isinstance(content, tensor_files.Numbers):
        return content.values
    if isinstance(content, np.ndarray):
        return content
    has = _quoted(found) if any(found) else "one array, which has no name"
    raise DataError(f"{file} has no array '{name}'", f"It has {has}. Name another, or a file with one array.")


def samples_of(asked: Samples, sample: int | None) -> Tensors:
    """One set of inputs.

    Raises:
        DataError: There are several and nobody says which, or not so many.
    """
    count = len(asked.sets)
    if sample is None and count > 1:
        raise DataError(f"{count} samples are given", "Say which: sample=0.")
    if not 0 <= (sample or 0) < count:
        raise DataError(f"there is no sample {sample} among {count}", f"Give 0 to {count - 1}.")
    return asked.sets[sample or 0]


def _from_array(spec: TensorSpec, value: object) -> Samples:
    return inputs.from_arrays([spec], np.asarray(value))


def _there(file: str | Path) -> Path:
    path = Path(file)
    if not path.is_file():
        raise DataError(f"there is no file {path}", "A file beside the suite is ${CURDIR}/NAME.")
    return path


def _quoted(names: Mapping[str, object] | Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names) or "nothing"
