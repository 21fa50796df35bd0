"""How often an image is right about labelled samples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from renode_mnist.measure import quality
from renode_mnist.model import inputs
from renode_mnist.model.interface import TensorSpec
from renode_mnist.session.opening import open_session
from renode_mnist.session.target_options import TargetOptions


def accuracy(
    target: str, elf: Path, options: TargetOptions, data: Path, labels: npt.NDArray[Any], model: Path | None
) -> float:
    """The share of samples, 0 to 1, whose greatest score is at their label; each from the initial state.

    Args:
        target: Where it runs.
        elf: The image.
        options: Of the target.
        data: The inputs by their names, a leading axis of N for N samples.
        labels: Each sample's class.
        model: The file that the image was made from, whose metadata may say how pictures are scaled.

    Raises:
        DataError: The data are not those of this network, or there are more or fewer labels.
        RenodeMnistError: The target cannot be had, or its firmware does not answer.
    """
    with open_session(target, elf, options) as session:
        specs = tuple(map(TensorSpec.of_firmware, session.firmware.inputs))
        content = None if model is None else model.read_bytes()
        samples = inputs.from_files(specs, {"": data}, inputs.pixel_ranges(specs, content, None))
        classes = []
        for number, tensors in enumerate(samples.sets):
            if session.firmware.state_bytes:
                session.reset_state()
            record = session.infer(tensors, f"sample {number}")
            classes.append(int(np.argmax(record.outputs[0])))
    return quality.accuracy(np.array(classes), labels)
