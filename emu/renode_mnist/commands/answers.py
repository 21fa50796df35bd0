"""What `run` makes of a network's outputs: class names for them, and a file."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from renode_mnist.build import BuildConfig
from renode_mnist.errors import DataError

if TYPE_CHECKING:
    from renode_mnist.session.answer import Answer
    from renode_mnist.session.record import Record
    from renode_mnist.wire.messages import Stats

Labels = dict[int, tuple[str, ...]]
"""Names of an output's elements, by the output's position."""


def labels_for(file: Path | None, config: BuildConfig) -> Callable[[Stats], Labels]:
    """Names of classes by the output's position, for a firmware: the metadata is only that of its own model."""
    from renode_mnist.model import metadata

    if file is not None:
        names = metadata.labels_of(_text(file))
        return lambda firmware: {_classified(firmware, len(names), file): names}
    content = config.model.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    return lambda firmware: metadata.read(content).labels if firmware.model_sha256 == sha256 else {}


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
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


def answer_of(record: Record, labels: Labels) -> Answer:
    """The outputs of a record with what is known of them.

    Raises:
        DataError: As `renode_mnist.session.answer.answer`.
    """
    from renode_mnist.model.interface import TensorSpec
    from renode_mnist.session.answer import answer

    specs = [TensorSpec.of_firmware(info) for info in record.firmware.outputs]
    return answer(specs, record.outputs, record.inference.layers, labels)


def keep(answer: Answer, file: Path) -> None:
    """Writes the outputs to a file.

    Raises:
        DataError: As `renode_mnist.model.tensor_files.write`.
    """
    from renode_mnist.model import tensor_files

    names: dict[str, int] = {}
    for number, output in enumerate(answer.outputs):  # a model may give two one name
        name = output.spec.name or f"output_{number}"
        names[name if name not in names else f"{name} ({number})"] = number
    tensor_files.write(
        file,
        {name: answer.outputs[number].stored for name, number in names.items()},
        {name: answer.outputs[number].reals for name, number in names.items()},
    )
