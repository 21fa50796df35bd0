"""What `run` makes of a network's outputs: what they mean, and a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from renode_mnist.session.answer import Answer
    from renode_mnist.session.labels import Labels
    from renode_mnist.session.record import Record


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
