"""What a ``.tflite`` file's own metadata says of its inputs and outputs: class names, and how pixels are normalised.

The buffer ``TFLITE_METADATA`` (tflite-support, metadata_schema.fbs 1.1.0, identifier M001) names associated files,
which stand in an archive that is appended to the model. Most files have neither; what is damaged counts as not there.
"""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import tflite
from flatbuffers import encode, number_types, packer
from flatbuffers.table import Table

T = TypeVar("T")

_NAME = b"TFLITE_METADATA"
_IDENTIFIER = b"M001"
_AXIS_LABELS = 2
_NORMALIZATION = 1
_LABEL_BYTES_LIMIT = 1 << 20

# Places of fields in their tables; a union has its type one place before its value.
_MODEL_SUBGRAPHS = 3
_SUBGRAPH_INPUTS, _SUBGRAPH_OUTPUTS = 2, 3
_TENSOR_UNITS, _TENSOR_FILES = 4, 6
_FILE_NAME, _FILE_TYPE = 0, 2
_UNIT_TYPE, _UNIT_OPTIONS = 0, 1
_NORMALIZATION_MEAN, _NORMALIZATION_DEVIATION = 0, 1


@dataclass(frozen=True)
class Normalisation:
    """real = (pixel - mean) / deviation, pixels from 0 to 255; one a channel, or one for all."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]


@dataclass(frozen=True)
class ModelMetadata:
    """What is of use here.

    Attributes:
        labels: Names of an output's elements, by the output's position.
        normalisation: Of an input's pixels, by the input's position.
    """

    labels: dict[int, tuple[str, ...]]
    normalisation: dict[int, Normalisation]


def read(content: bytes) -> ModelMetadata:
    """The metadata of a model file; empty where it has none."""
    try:
        found = _metadata(content)
        if found is None:
            return ModelMetadata({}, {})
        return ModelMetadata(_labels(found, content), _normalisations(found))
    # The flatbuffers package does not verify: broken offsets surface as whatever the access happens to raise.
    except (
        struct.error,
        IndexError,
        TypeError,
        ValueError,
        OverflowError,
        zipfile.BadZipFile,
        RuntimeError,
        OSError,
    ):
        return ModelMetadata({}, {})


def labels_of(text: str) -> tuple[str, ...]:
    """A line a class; blank lines at the end are none."""
    return tuple(line.strip() for line in text.rstrip().splitlines())


def _metadata(content: bytes) -> Table | None:
    model = tflite.Model.GetRootAs(content, 0)
    for number in range(model.MetadataLength()):
        entry = model.Metadata(number)
        if entry is not None and entry.Name() == _NAME:
            raw = model.Buffers(entry.Buffer()).DataAsNumpy().tobytes()
            if raw[4:8] != _IDENTIFIER:
                return None
            return Table(raw, encode.Get(packer.uoffset, raw, 0))
    return None


def _labels(metadata: Table, content: bytes) -> dict[int, tuple[str, ...]]:
    names = {
        position: name
        for position, tensor in enumerate(_edge(metadata, _SUBGRAPH_OUTPUTS))
        for name in reversed([*_label_files(tensor)])  # of several languages the first
    }
    if not names:
        return {}
    found = {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for position, name in names.items():
            if name in archive.namelist() and archive.getinfo(name).file_size <= _LABEL_BYTES_LIMIT:
                found[position] = labels_of(archive.read(name).decode("utf-8", "replace"))
    return found


def _label_files(tensor: Table) -> Iterator[str]:
    for file in _tables(tensor, _TENSOR_FILES):
        place = file.Offset(4 + 2 * _FILE_TYPE)
        kind = file.Get(number_types.Int8Flags, file.Pos + place) if place else 0
        name = file.Offset(4 + 2 * _FILE_NAME)
        if kind == _AXIS_LABELS and name:
            yield file.String(file.Pos + name).decode("utf-8", "replace")


def _normalisations(metadata: Table) -> dict[int, Normalisation]:
    found = {}
    for position, tensor in enumerate(_edge(metadata, _SUBGRAPH_INPUTS)):
        for unit in _tables(tensor, _TENSOR_UNITS):
            kind, options = unit.Offset(4 + 2 * _UNIT_TYPE), unit.Offset(4 + 2 * _UNIT_OPTIONS)
            if not kind or not options or unit.Get(number_types.Uint8Flags, unit.Pos + kind) != _NORMALIZATION:
                continue
            table = Table(unit.Bytes, unit.Indirect(unit.Pos + options))
            mean, deviation = _floats(table, _NORMALIZATION_MEAN), _floats(table, _NORMALIZATION_DEVIATION)
            if mean and len(mean) == len(deviation) and all(deviation):
                found[position] = Normalisation(mean, deviation)
    return found


def _edge(metadata: Table, field: int) -> Iterator[Table]:
    for subgraph in [*_tables(metadata, _MODEL_SUBGRAPHS)][:1]:
        yield from _tables(subgraph, field)


def _tables(table: Table, field: int) -> Iterator[Table]:
    return _elements(table, field, 4, lambda place: Table(table.Bytes, table.Indirect(place)))


def _floats(table: Table, field: int) -> tuple[float, ...]:
    return tuple(_elements(table, field, 4, lambda place: float(table.Get(number_types.Float32Flags, place))))


def _elements(table: Table, field: int, size: int, item: Callable[[int], T]) -> Iterator[T]:
    offset = table.Offset(4 + 2 * field)
    if not offset:
        return
    start, count = table.Vector(offset), table.VectorLen(offset)
    if count > len(table.Bytes) // size:
        raise ValueError(f"{count} elements in {len(table.Bytes)} bytes")
    for number in range(count):
        yield item(start + number * size)
