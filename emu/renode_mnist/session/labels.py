"""Names of classes: from a file, or from the metadata of the model that a firmware runs."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from pathlib import Path

from renode_mnist import outside
from renode_mnist.errors import DataError
from renode_mnist.model import metadata
from renode_mnist.wire.messages import Stats

_MOST_BYTES = 10_000_000

Labels = dict[int, tuple[str, ...]]
"""Names of an output's elements, by the output's position."""


def labels_for(file: Path | None, model: Path) -> Callable[[Stats], Labels]:
    """Names of classes by the output's position, for a firmware: the metadata is only that of its own model.

    Args:
        file: A line a class; None for the metadata.
        model: The file that may be the firmware's.

    Raises:
        DataError: The file can't be read, or (when a firmware is asked) no one output has as many elements.
    """
    if file is not None:
        names = metadata.labels_of(_text(file))
        return lambda firmware: {_classified(firmware, len(names), file): names}
    content = model.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    return lambda firmware: metadata.read(content).labels if firmware.model_sha256 == sha256 else {}


def _text(file: Path) -> str:
    try:
        return outside.content(file, _MOST_BYTES).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"the labels {file} can't be read ({error})", "Give UTF-8 text, a line a class.") from None


def _classified(firmware: Stats, count: int, file: Path) -> int:
    sizes = [math.prod(info.shape) for info in firmware.outputs]
    if sizes.count(count) != 1:
        raise DataError(
            f"{file} names {count} classes, and the outputs have {', '.join(map(str, sizes))} elements",
            "Give a line a class, in the order of one output.",
        )
    return sizes.index(count)
