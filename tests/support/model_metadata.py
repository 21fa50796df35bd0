"""Metadata of a ``.tflite`` file as tflite-support's tools write it: label files, and how pixels are normalised."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence

import flatbuffers

_AXIS_LABELS = 2
_NORMALIZATION = 1


def metadata(labels: Sequence[str] = (), mean: float | None = None, deviation: float = 1.0) -> bytes:
    """The table: a label file's name an output, and the normalisation of the one input."""
    builder = flatbuffers.Builder(256)
    outputs = _vector(builder, [_labelled(builder, name) for name in labels])
    units = _vector(builder, [_normalising(builder, mean, deviation)] if mean is not None else [])
    source = _table(builder, 7, lambda: builder.PrependUOffsetTRelativeSlot(4, units, 0))
    inputs = _vector(builder, [source])

    def subgraph() -> None:
        builder.PrependUOffsetTRelativeSlot(2, inputs, 0)
        builder.PrependUOffsetTRelativeSlot(3, outputs, 0)

    subgraphs = _vector(builder, [_table(builder, 7, subgraph)])
    root = _table(builder, 8, lambda: builder.PrependUOffsetTRelativeSlot(3, subgraphs, 0))
    builder.Finish(root, b"M001")
    return bytes(builder.Output())


def with_files(content: bytes, files: Mapping[str, str]) -> bytes:
    """A model with associated files: an archive behind it."""
    stream = io.BytesIO(content)
    stream.seek(0, io.SEEK_END)
    with zipfile.ZipFile(stream, "a") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return stream.getvalue()


def _table(builder: flatbuffers.Builder, fields: int, fill: Callable[[], None]) -> int:
    builder.StartObject(fields)
    fill()
    return int(builder.EndObject())


def _vector(builder: flatbuffers.Builder, entries: Sequence[int]) -> int:
    builder.StartVector(4, len(entries), 4)
    for entry in reversed(entries):
        builder.PrependUOffsetTRelative(entry)
    return int(builder.EndVector())


def _labelled(builder: flatbuffers.Builder, name: str) -> int:
    text = builder.CreateString(name)

    def file() -> None:
        builder.PrependUOffsetTRelativeSlot(0, text, 0)
        builder.PrependInt8Slot(2, _AXIS_LABELS, 0)

    files = _vector(builder, [_table(builder, 4, file)])
    return _table(builder, 7, lambda: builder.PrependUOffsetTRelativeSlot(6, files, 0))


def _normalising(builder: flatbuffers.Builder, mean: float, deviation: float) -> int:
    def numbers(value: float) -> int:
        builder.StartVector(4, 1, 4)
        builder.PrependFloat32(value)
        return int(builder.EndVector())

    vectors = numbers(mean), numbers(deviation)

    def options() -> None:
        for slot, vector in enumerate(vectors):
            builder.PrependUOffsetTRelativeSlot(slot, vector, 0)

    table = _table(builder, 2, options)

    def unit() -> None:
        builder.PrependUint8Slot(0, _NORMALIZATION, 0)
        builder.PrependUOffsetTRelativeSlot(1, table, 0)

    return _table(builder, 2, unit)
