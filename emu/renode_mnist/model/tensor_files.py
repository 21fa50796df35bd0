"""Reads and writes files with tensors in them: arrays by name, or one without. What they mean is not known here.

Nothing is unpacked before its size is known: of NumPy's files from their headers, of an archive from its table of
contents, of a picture from its first bytes.
"""

from __future__ import annotations

import errno
import io
import json
import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from renode_mnist import outside
from renode_mnist.errors import DataError
from renode_mnist.model import preprocess

ARRAY_BYTES_LIMIT = 512 << 20
"""Of one file's arrays: 1,600 times the chip's RAM."""
TEXT_BYTES_LIMIT = 64 << 20
"""Of a CSV or JSON file, which takes some ten times as much while it is read."""

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")
RAW_SUFFIXES = (".bin", ".raw", ".dat")
_KINDS = f".npy, .npz, .csv, .json, {', '.join(RAW_SUFFIXES)} (bytes as the tensor stores them), or a picture"


@dataclass(frozen=True)
class Raw:
    """Bytes as a tensor stores them."""

    content: bytes


@dataclass(frozen=True)
class Numbers:
    """Numbers of a text file: real ones, whatever they look like."""

    values: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Picture:
    """A picture, turned upright."""

    image: Image.Image


Content = npt.NDArray[Any] | Numbers | Raw | Picture


@dataclass(frozen=True)
class TensorFile:
    """What a file holds.

    Attributes:
        path: Of the file.
        by_name: Contents under the names that the file gives them; the empty name where it gives none.
    """

    path: Path
    by_name: Mapping[str, Content] = field(default_factory=dict)


def read(path: Path) -> TensorFile:
    """Reads a file of any of the kinds that end a refusal.

    Raises:
        DataError: There is no such file, it is of another kind, too large or damaged.
    """
    suffix = path.suffix.lower()
    known = {".npy": _npy, ".npz": _npz, ".csv": _csv, ".json": _json}
    known |= dict.fromkeys(RAW_SUFFIXES, _raw) | dict.fromkeys(PICTURE_SUFFIXES, _picture)
    if suffix not in known:
        raise DataError(f"{path} is of a kind that is not known ({suffix or 'no suffix'})", f"Give {_KINDS}.")
    content = _bytes(path, TEXT_BYTES_LIMIT if suffix in (".csv", ".json") else ARRAY_BYTES_LIMIT)
    return TensorFile(path, known[suffix](content, path))


def write(path: Path, tensors: Mapping[str, npt.NDArray[Any]], reals: Mapping[str, npt.NDArray[np.float64]]) -> None:
    """Writes tensors as they are stored: ``.npz`` by name, ``.npy`` a single one, ``.json`` with their real numbers.

    Raises:
        DataError: Another kind, several in one ``.npy``, or the file can't be written.
    """
    stream = io.BytesIO()
    match path.suffix.lower():
        case ".npy" if len(tensors) == 1:
            np.save(stream, next(iter(tensors.values())), allow_pickle=False)
        case ".npy":
            raise DataError(f"{path} would hold {len(tensors)} tensors", "Write several as .npz or .json.")
        case ".npz":
            save_npz(stream, tensors)
        case ".json":
            shown = {
                name: {
                    "type": array.dtype.name,
                    "shape": list(array.shape),
                    "stored": array.tolist(),
                    "real": reals[name].tolist(),
                }
                for name, array in tensors.items()
            }
            stream.write((json.dumps(shown, indent=2) + "\n").encode())
        case suffix:
            raise DataError(
                f"tensors are not written as {suffix or 'a file without suffix'}", "Take .npy, .npz, .json."
            )
    write_bytes(path, stream.getvalue())


def save_npz(stream: io.BytesIO, tensors: Mapping[str, npt.NDArray[Any]]) -> None:
    """An archive of arrays whose bytes do not depend on when it was written, under any name a tensor may have."""
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in tensors.items():
            member = io.BytesIO()
            np.save(member, array, allow_pickle=False)
            archive.writestr(
                zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)), member.getvalue(), zipfile.ZIP_DEFLATED
            )


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a file.

    Raises:
        DataError: It can't be written.
    """
    try:
        path.write_bytes(content)
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror}", "Choose another place.") from None


def _bytes(path: Path, limit: int) -> bytes:
    try:
        return outside.content(path, limit)
    except OSError as error:
        remedy = "Give fewer samples." if error.errno == errno.EFBIG else "Check the file's name."
        raise DataError(f"{path} can't be read ({error.strerror})", remedy) from None


def _damaged(path: Path, why: object) -> DataError:
    return DataError(f"{path} is damaged or no {path.suffix} file ({why})", "Write it again.")


def _npy(content: bytes, path: Path) -> Mapping[str, Content]:
    return {"": _array(content, path)}


def _array(content: bytes, path: Path) -> npt.NDArray[Any]:
    stream = io.BytesIO(content)
    with outside.reading(partial(_damaged, path)):
        version = np.lib.format.read_magic(stream)
        header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        if version not in header:
            raise _damaged(path, f"version {version}")
        shape, _, dtype = header[version](stream)
        wanted = math.prod(shape) * dtype.itemsize
        if dtype.hasobject or dtype.fields is not None:
            raise DataError(f"{path} holds Python objects or records", "Save an array of numbers.")
        if not 0 <= wanted <= len(content) - stream.tell():
            raise _damaged(path, f"its header asks for {wanted:,} bytes of data")
        stream.seek(0)
        return np.asarray(np.load(stream, allow_pickle=False))


def _npz(content: bytes, path: Path) -> Mapping[str, Content]:
    with outside.reading(partial(_damaged, path)), zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
        unpacked = sum(member.file_size for member in members)
        if unpacked > ARRAY_BYTES_LIMIT:
            raise DataError(
                f"{path} unpacks to {unpacked:,} bytes, more than the {ARRAY_BYTES_LIMIT:,} that are read",
                "Give fewer samples.",
            )
        return {member.filename.removesuffix(".npy"): _array(archive.read(member), path) for member in members}


def _csv(content: bytes, path: Path) -> Mapping[str, Content]:
    lines = [line for line in _text(content, path).splitlines() if line.strip()]
    if mixed := [number for number, line in enumerate(lines, 1) if "," in line and ";" in line]:
        raise DataError(
            f"{path}: row {mixed[0]} has commas and semicolons, and what parts its numbers can't be told",
            "Write 1.5, not 1,5, and part numbers by commas or by semicolons.",
        )
    rows: list[list[float]] = []
    for number, line in enumerate(lines):
        try:
            rows.append([float(cell) for cell in line.replace(";", ",").rstrip(",").split(",")])
        except ValueError:
            if number:  # the first may be a heading
                raise DataError(f"{path}: row {number + 1} holds something that is no number", "Mend it.") from None
    if not rows:
        raise DataError(f"{path} holds no numbers", "Give a row a sample, or a row a line of the tensor.")
    if len({len(row) for row in rows}) > 1:
        raise DataError(f"{path}: its rows have different lengths", "Give as many columns in each row.")
    return {"": Numbers(np.array(rows))}


def _json(content: bytes, path: Path) -> Mapping[str, Content]:
    with outside.reading(partial(_damaged, path)):
        found = json.loads(_text(content, path))
    by_name = found if isinstance(found, dict) else {"": found}
    return {name: Numbers(_numbers(values, name, path)) for name, values in by_name.items()}


def _numbers(values: object, name: str, path: Path) -> npt.NDArray[np.float64]:
    try:
        array = np.array(values)
    except ValueError:  # rows of different lengths
        array = np.array(None)
    if array.dtype.kind not in "buif" or not array.size:
        what = f"'{name}'" if name else "it"
        raise DataError(f"{path}: {what} is no array of numbers", "Give nested lists, all rows equally long.")
    return array.astype(np.float64)


def _text(content: bytes, path: Path) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _damaged(path, error) from None


def _raw(content: bytes, path: Path) -> Mapping[str, Content]:
    return {"": Raw(content)}


def _picture(content: bytes, path: Path) -> Mapping[str, Content]:
    return {"": Picture(preprocess.upright(preprocess.open_picture(content, str(path))))}
