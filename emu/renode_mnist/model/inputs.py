"""What a network is asked: from files, or seeded. A set of inputs has one array a tensor, as the tensor stores it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from renode_mnist.errors import DataError
from renode_mnist.model import metadata, picture_tensor, tensor_files
from renode_mnist.model.interface import TensorSpec
from renode_mnist.model.picture_tensor import Range
from renode_mnist.model.tensor_files import Content, Numbers, Picture, Raw

Tensors = tuple[npt.NDArray[Any], ...]
"""One array an input, or an output, in the model's order, of the tensors' types and shapes."""

SEED = 1


@dataclass(frozen=True)
class Samples:
    """Sets of inputs.

    Attributes:
        sets: At least one.
        names: What to call each of them.
        notes: How they came to be, a line each.
    """

    sets: tuple[Tensors, ...]
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def spread(self, count: int) -> Samples:
        """So many of them, evenly over all, since data is often sorted by class; all where there are not more."""
        there = len(self.sets)
        if count >= there:
            return self
        chosen = [number * there // count for number in range(count)]
        note = f"{count} of {there} samples, evenly spread"
        return Samples(
            tuple(self.sets[each] for each in chosen), tuple(self.names[each] for each in chosen), (*self.notes, note)
        )

    def __add__(self, other: Samples) -> Samples:
        return Samples(self.sets + other.sets, self.names + other.names, self.notes + other.notes)


def assigned(values: Sequence[str]) -> dict[str, Path]:
    """Files by the names of inputs, as ``--input FILE`` or ``--input NAME=FILE`` gives them; one may have no name.

    Raises:
        DataError: An input is given twice.
    """
    found: dict[str, Path] = {}
    for value in values:
        name, equals, file = value.partition("=")
        # A file whose own name has the sign is meant as it stands.
        if not equals or Path(value).exists():
            name, file = "", value
        if name in found:
            which = f"the input '{name}'" if name else "a file without an input's name"
            raise DataError(f"{which} is given twice", "Give each input once, as NAME=FILE.")
        found[name] = Path(file)
    return found


def from_files(
    specs: Sequence[TensorSpec], files: Mapping[str, Path], ranges: Sequence[Range | None] | None = None
) -> Samples:
    """Inputs out of files; a leading axis of N more than the tensor has makes N sets.

    Args:
        specs: What the model takes.
        files: By input; under the empty name one that says by itself which inputs it holds, or the only input.
        ranges: What pixels of a picture stand for, where somebody says so.

    Raises:
        DataError: A file can't be read, an input is missing or unknown, or what it holds does not fit.
        ImageError: It is no picture.
    """
    contents: dict[str, tuple[Content, str]] = {}
    left_out = []
    names = [spec.name for spec in specs]
    for name, path in files.items():
        found = tensor_files.read(path).by_name
        # A data set keeps more than inputs in one archive: labels, for one.
        beside = [inner for inner in found if inner not in names] if set(found) & set(names) else []
        if beside:
            left_out.append(f"{path.name}: {_quoted(beside)} left out, the model has no such input")
        for inner, content in found.items():
            if inner in beside:
                continue
            contents[_which(specs, name, inner, path)] = content, f"{path.name}{f' [{inner}]' if inner else ''}"
    if missing := [name for name in names if name not in contents]:
        raise DataError(
            f"no file gives the input{'s' if len(missing) > 1 else ''} {_quoted(missing)}",
            "Give each as NAME=FILE, or all in one .npz or .json by their names.",
        )
    samples = _assembled(specs, contents, " ".join(sorted({path.name for path in files.values()})), ranges)
    return replace(samples, notes=(*samples.notes, *left_out))


def from_arrays(
    specs: Sequence[TensorSpec], given: npt.NDArray[Any] | Sequence[npt.NDArray[Any]] | Mapping[str, npt.NDArray[Any]]
) -> Samples:
    """Inputs out of arrays: the only one, all in the model's order, or by their names.

    Raises:
        DataError: As `from_files`.
    """
    if isinstance(given, np.ndarray):
        given = (given,)
    if not isinstance(given, Mapping):
        if len(given) != len(specs):
            raise DataError(
                f"{len(given)} arrays are given, and the model has {len(specs)} inputs",
                "Give one for each, in order.",
            )
        given = {spec.name: array for spec, array in zip(specs, given, strict=True)}
    if set(given) != {spec.name for spec in specs}:
        raise DataError(
            f"arrays are given for {_quoted(list(given))}",
            f"Give one for each of {_quoted([spec.name for spec in specs])}.",
        )
    return _assembled(specs, {name: (np.asarray(array), "the array") for name, array in given.items()}, "arrays")


def _assembled(
    specs: Sequence[TensorSpec],
    contents: Mapping[str, tuple[Content, str]],
    label: str,
    ranges: Sequence[Range | None] | None = None,
) -> Samples:
    stored, notes = columns(specs, contents, ranges)
    sets = tuple(zip(*stored, strict=True))
    names = (label,) if len(sets) == 1 else tuple(f"{label} #{number}" for number in range(len(sets)))
    return Samples(sets, names, notes)


def columns(
    specs: Sequence[TensorSpec],
    contents: Mapping[str, tuple[Content, str]],
    ranges: Sequence[Range | None] | None = None,
) -> tuple[Tensors, tuple[str, ...]]:
    """One array an input with all samples along its first axis, and what was done to each.

    Args:
        specs: What the model takes.
        contents: By each input's name what it gets, and where that is from.
        ranges: See `from_files`.

    Raises:
        DataError: One does not fit its input, or they have different numbers of samples.
    """
    notes = []
    found: list[npt.NDArray[Any]] = []
    for position, spec in enumerate(specs):
        content, origin = contents[spec.name]
        pixels = ranges[position] if ranges is not None else None
        stored, note = _stored(spec, content, origin, pixels)
        found.append(stored)
        notes.append(f"{origin}: {note}" if len(specs) == 1 else f"{spec.name} from {origin}: {note}")
    counts = {spec.name: len(column) for spec, column in zip(specs, found, strict=True)}
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{count} of '{name}'" for name, count in counts.items())
        raise DataError(f"the inputs have different numbers of samples: {told}", "Give as many of each.")
    return tuple(found), tuple(notes)


def pixel_ranges(specs: Sequence[TensorSpec], content: bytes | None, given: Range | None) -> list[Range | None]:
    """What pixels stand for in each input: as somebody asks for it, else as the model file's own metadata says.

    Args:
        specs: What the model takes.
        content: The ``.tflite`` file, where it is at hand.
        given: For every input.
    """
    if given is not None:
        return [given] * len(specs)
    known = metadata.read(content).normalisation if content is not None else {}
    return [
        Range.normalised(known[position].mean, known[position].deviation, "by the model's metadata")
        if position in known
        else None
        for position in range(len(specs))
    ]


def seeded(specs: Sequence[TensorSpec], count: int, seed: int = SEED) -> Samples:
    """Inputs drawn evenly from each tensor's range, the same for the same seed."""
    random = np.random.default_rng(seed)
    sets = tuple(tuple(_drawn(spec, random) for spec in specs) for _ in range(count))
    names = tuple(f"seed {seed} #{number}" for number in range(count)) if count > 1 else (f"seed {seed}",)
    ranges = dict.fromkeys(_range_text(spec) for spec in specs)
    return Samples(sets, names, (f"seeded numbers (seed {seed}): {', '.join(ranges)}",))


def edge_cases(specs: Sequence[TensorSpec]) -> Samples:
    """All lowest, all highest, all zero: the ends of each tensor's range, and its zero point."""
    cases = {"all lowest": _lowest, "all highest": _highest, "zero point": _zero}
    sets = tuple(tuple(np.full(spec.shape, case(spec), spec.dtype) for spec in specs) for case in cases.values())
    return Samples(sets, tuple(cases), ("edge cases: all lowest, all highest, zero point",))


def _which(specs: Sequence[TensorSpec], name: str, inner: str, path: Path) -> str:
    """The input that a file's content is for: by the name outside, by that inside, or the only one."""
    names = [spec.name for spec in specs]
    if name and inner in ("", name):
        wanted = name
    elif name:
        raise DataError(
            f"{path} holds '{inner}' and is given for the input '{name}'",
            "Give the file without NAME=, or one array.",
        )
    elif len(specs) == 1 and (inner == "" or inner not in names):
        # np.savez calls a nameless array arr_0.
        wanted = names[0] if inner in ("", "arr_0") else inner
    else:
        wanted = inner
    if not wanted:
        raise DataError(f"the model has {len(names)} inputs: {_quoted(names)}", f"Say which {path} is: NAME={path}.")
    if wanted not in names:
        raise DataError(f"the model has no input '{wanted}'", f"It has {_quoted(names)}.")
    return wanted


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _stored(spec: TensorSpec, content: Content, origin: str, pixels: Range | None) -> tuple[npt.NDArray[Any], str]:
    """Samples of a tensor as it stores them, the first axis counts them; and what was done."""
    match content:
        case Picture(image):
            chosen = pixels or picture_tensor.usual_range(spec)
            reals, note = picture_tensor.to_reals(image, spec, chosen, origin)
            return _quantised(spec, reals[np.newaxis], origin)[0], note
        case Raw(raw):
            if not raw or len(raw) % spec.byte_count:
                raise DataError(
                    f"{origin} has {len(raw):,} bytes, and the input {spec} {spec.byte_count:,} a sample",
                    "Give its bytes as the tensor stores them, little endian.",
                )
            array = np.frombuffer(raw, spec.dtype).reshape(-1, *spec.shape)
            return _finite(array, spec, origin), f"{_counted(len(array))} as the tensor stores them"
        case Numbers(values):
            stored, note = _quantised(spec, _samples(spec, values, origin), origin)
        case _ if content.dtype == spec.dtype:
            stored = _finite(_samples(spec, content, origin), spec, origin)
            note = "as the tensor stores them" if spec.is_quantised else spec.dtype.name
        case _ if content.dtype.kind == "f" or (content.dtype.kind in "biu" and not spec.is_quantised):
            stored, note = _quantised(spec, _samples(spec, content, origin), origin)
        case _:
            raise DataError(
                f"{origin} holds {content.dtype}, and the input {spec} is another type",
                f"Give {spec.dtype.name} as the tensor stores it, or floating point, which is quantised.",
            )
    return stored, f"{_counted(len(stored))}, {note}"


def _counted(count: int) -> str:
    return f"{count:,} sample{'s' if count != 1 else ''}"


def _samples(spec: TensorSpec, values: npt.NDArray[Any], origin: str) -> npt.NDArray[Any]:
    """An array cut into samples of the tensor's shape; axes of length 1 may be left out, and all may be flat."""
    count, rest = divmod(values.size, spec.element_count)
    bare = _without_ones(spec.shape)
    fits = not rest and count > 0
    if fits and count == 1:
        fits = _without_ones(values.shape) in (bare, _without_ones((spec.element_count,)))
        # A table may have one sample as a row a line, whatever the tensor's shape.
        fits = fits or (values.ndim == 2 and spec.shape[-1] == values.shape[1])
    elif fits:
        inner = _without_ones(values.shape[1:])
        fits = values.shape[0] == count and inner in (bare, _without_ones((spec.element_count,)))
    if not fits:
        raise DataError(
            f"{origin} has the shape {_shape(values.shape)}, and the input {spec} {_shape(spec.shape)}",
            "Give that shape, or a leading axis more for several samples.",
        )
    return values.reshape(count, *spec.shape)


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(length for length in shape if length != 1)


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "of a scalar"


def _quantised(spec: TensorSpec, reals: npt.NDArray[Any], origin: str) -> tuple[npt.NDArray[Any], str]:
    _finite(reals, spec, origin)
    if spec.is_quantised:
        least, most = ((limit - spec.zero_point) * spec.scale for limit in spec.limits)
        outside = int(np.count_nonzero((reals < least - spec.scale / 2) | (reals > most + spec.scale / 2)))
        clamped = f", {outside:,} outside {least:.4g} to {most:.4g} clamped" if outside else ""
        return spec.quantise(reals), f"real numbers, quantised with scale {spec.scale:.6g}{clamped}"
    if spec.dtype.kind == "f":
        with np.errstate(over="ignore"):
            return _finite(reals.astype(spec.dtype), spec, origin), f"as {spec.dtype.name}"
    least, most = spec.limits
    if np.any(reals != np.rint(reals)) or reals.min() < least or reals.max() > most:
        raise DataError(
            f"{origin} holds numbers that {spec.dtype.name} does not, from {reals.min():g} to {reals.max():g}",
            f"Give whole numbers from {least:g} to {most:g} for {spec}.",
        )
    return reals.astype(spec.dtype), f"as {spec.dtype.name}"


def _finite(values: npt.NDArray[Any], spec: TensorSpec, origin: str) -> npt.NDArray[Any]:
    if values.dtype.kind not in "biuf":
        raise DataError(f"{origin} holds {values.dtype}, which are no real numbers", f"Give numbers for {spec}.")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        bad = int(np.count_nonzero(~np.isfinite(values)))
        raise DataError(
            f"{origin} holds {bad:,} number{'s that are' if bad > 1 else ' that is'} not finite",
            f"Mend them: the firmware takes finite numbers for {spec}.",
        )
    return values


# A tensor without a scale has no range of its own: floating point is drawn from -1 to 1, whole numbers from 0 to 1,
# which is also what an index or a flag may always be.


def _drawn(spec: TensorSpec, random: np.random.Generator) -> npt.NDArray[Any]:
    if spec.dtype.kind == "f":
        return random.uniform(-1, 1, spec.shape).astype(spec.dtype)
    return random.integers(int(_lowest(spec)), int(_highest(spec)), spec.shape, endpoint=True).astype(spec.dtype)


def _lowest(spec: TensorSpec) -> float:
    return spec.limits[0] if spec.is_quantised else -1 if spec.dtype.kind == "f" else 0


def _highest(spec: TensorSpec) -> float:
    return spec.limits[1] if spec.is_quantised else 1


def _zero(spec: TensorSpec) -> float:
    return spec.zero_point


def _range_text(spec: TensorSpec) -> str:
    if spec.is_quantised:
        return f"{spec.dtype.name} over its whole range"
    return f"{spec.dtype.name} from {_lowest(spec):g} to {_highest(spec):g}"
