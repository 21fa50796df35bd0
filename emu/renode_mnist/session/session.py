"""A target with its firmware running, asked for classifications: each answer carries its identity."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from renode_mnist.errors import FirmwareError, ModelError, TargetError, TargetTimeout, WireError
from renode_mnist.model import preprocess
from renode_mnist.session.record import Connection, Record
from renode_mnist.stm32f746 import chip_id
from renode_mnist.targets.base import CounterUnit, Target, TargetIdentity
from renode_mnist.wire.client import DEFAULT_TIMEOUT_SECONDS, Client, Observer
from renode_mnist.wire.messages import PROTOCOL_VERSION, ImageCheck, Inference, Stats

PICTURE_SHAPE = (28, 28)
_CLASSES = 10
_UNDERSTOOD = (101, 102, PROTOCOL_VERSION)
_GREETING_SECONDS = 2.0
"""Of one of the client's three attempts: together longer than the slowest inference that may be under way (3 s)."""


class Programmer(Protocol):
    """Can give the target its firmware (`renode_mnist.targets.flasher.Programmer`)."""

    def holds(self, running_build_id: str) -> bool:
        """Whether the firmware that answers is the wanted one."""
        ...

    def program(self) -> None:
        """Puts the wanted one there and resets."""
        ...


class Session:
    """Opens a target, checks that its firmware speaks this protocol, and asks it.

    Args:
        target: Not opened yet; the session opens and closes it.
        timeout_seconds: How long one request may take, in the target's time.
        observer: Sees each frame both ways, and each reset.
        programmer: For a target that keeps its firmware: used where another firmware, or none, answers.

    Attributes:
        target: The opened target.
        client: For requests that are no inference.
        firmware: What the firmware said of itself, asked last after the first inference: the stack's high-water mark
            is that of its work.
    """

    def __init__(
        self,
        target: Target,
        *,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        observer: Observer | None = None,
        programmer: Programmer | None = None,
    ) -> None:
        self.target = target
        self._programmer = programmer
        self._observer = observer
        self.client = Client(target, timeout_seconds=timeout_seconds, observer=observer)
        self.firmware: Stats
        self._has_worked = False

    def __enter__(self) -> Self:
        """Opens the target.

        Raises:
            TargetError: It cannot be opened, or its firmware speaks another version of the protocol.
            TargetTimeout: Its firmware does not answer.
        """
        self.target.__enter__()
        try:
            if self._programmer is not None:
                self._bring_up_to_date(self._programmer)
            self.firmware = self._greet()
        except BaseException as error:
            self.target.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the target."""
        self.target.__exit__(kind, error, trace)

    def classify(self, picture: preprocess.Picture, name: str = "") -> Record:
        """Classifies one picture.

        Args:
            picture: A file, a Pillow image or an array; see ``preprocess.to_pixels``. uint8 of 28x28, white ink
                on black, is sent as it is.
            name: What to call it in the record; a file has a name of its own.

        Raises:
            ImageError: It is no picture or a blank one.
            ModelError: The firmware's model takes no such picture, or has other than ten classes.
            FirmwareError: The firmware refuses it.
        """
        self._check_takes_pictures()
        pixels = preprocess.to_pixels(picture)
        inference = self.client.classify(pixels)
        return self._record(inference, name or preprocess.name_of(picture), pixels)

    def infer(self, tensors: Sequence[npt.NDArray[Any]], name: str = "") -> Record:
        """Runs the network on tensors of its own.

        Args:
            tensors: One array for each input of the model, in its type and shape.
            name: What to call them in the record.

        Raises:
            ModelError: There are more or fewer than the model has, or one is of another type or shape.
            FirmwareError: The firmware refuses them.
        """
        given = tuple(np.asarray(tensor) for tensor in tensors)
        self._check_takes(given)
        inference = self.client.infer([array.tobytes() for array in given])
        return self._record(inference, name, np.zeros((0, 0), np.uint8), given)

    def check_image(self) -> ImageCheck:
        """Has the firmware compute the checksum of its code and model.

        Raises:
            FirmwareError: It is of a version before 103.
        """
        return self.client.check_image()

    def reset_state(self) -> None:
        """Gives what lives between inferences its initial values, as a reset of the target would."""
        self.client.reset_state()

    def _record(
        self,
        inference: Inference,
        name: str,
        pixels: npt.NDArray[np.uint8],
        inputs: tuple[npt.NDArray[Any], ...] = (),
    ) -> Record:
        """An answer with who gave it; after the first the firmware is asked again, as its stack was used only now."""
        if not self._has_worked:
            self.firmware = self.client.stats()
            self._has_worked = True
        return Record(self.identity(), self.firmware, inference, name, pixels, inputs)

    def check(self) -> Connection:
        """Asks the firmware once more who it is: an answer says that the connection works.

        Raises:
            TargetTimeout: No answer.
        """
        return Connection(self.identity(), self.client.stats())

    def reset(self) -> None:
        """Resets the target and waits until its firmware has said who it is; what it had not answered is lost.

        Raises:
            TargetError: It does not come back, or as another firmware.
        """
        self.target.reset()
        self.client.forget()
        if self._observer is not None:
            self._observer("reset", b"", self.target.now())
        self._has_worked = False
        before, self.firmware = self.firmware, self._greet()
        if self.firmware.build_id != before.build_id:
            raise TargetError(
                f"the target came back from its reset with build {self.firmware.build_id}, before it was "
                f"{before.build_id}",
                "Look for who else programs it.",
            )

    def identity(self) -> TargetIdentity:
        """The target's, and what the firmware knows better: which chip it runs on, or that this is none.

        An emulator behind a serial port looks like a board, but its cycle counter counts instructions, or cycles of
        a model.
        """
        identity = self.target.identity()
        if identity.counter_unit is not CounterUnit.CYCLES_MEASURED or not self.firmware.chip_id:
            return identity
        emulator = chip_id.emulator(bytes.fromhex(self.firmware.chip_id))
        if emulator is None:
            return replace(identity, version=f"{identity.version}, chip {self.firmware.chip_id}")
        return replace(
            identity,
            version=f"{emulator.name} at {identity.version}",
            counter_unit=CounterUnit.CYCLES_MODELLED if emulator.models_cycles else CounterUnit.INSTRUCTIONS,
            counter_step=emulator.counter_step,
        )

    def _bring_up_to_date(self, programmer: Programmer) -> None:
        try:
            running = self.client.stats(_GREETING_SECONDS).build_id
        except (FirmwareError, TargetTimeout, WireError):
            running = ""  # an empty flash, or a firmware of another kind
        if programmer.holds(running):
            return
        programmer.program()
        self.client.forget()
        running = self._greet().build_id
        if not programmer.holds(running):
            raise TargetError(
                f"the board was programmed, but the firmware that answers is build {running}",
                "Check that the port and the probe are the same board's.",
            )

    def _greet(self) -> Stats:
        firmware = self.client.stats(_GREETING_SECONDS)
        if firmware.protocol_version not in _UNDERSTOOD:
            raise TargetError(
                f"the firmware speaks protocol {firmware.protocol_version}, this program "
                f"{' and '.join(map(str, _UNDERSTOOD))}",
                "Build the firmware of this version and load it: `--flash openocd`.",
            )
        return firmware

    def _check_takes(self, given: Sequence[npt.NDArray[Any]]) -> None:
        wanted = [(info.dtype, info.shape) for info in self.firmware.inputs]
        if [(array.dtype, array.shape) for array in given] != wanted:
            raise ModelError(
                f"the model {self.firmware.model_name} takes {_listed(wanted)}; given were "
                f"{_listed([(array.dtype, array.shape) for array in given])}",
                "Give one array for each input of the model, in its type and shape.",
            )

    def _check_takes_pictures(self) -> None:
        wanted, answered = self.firmware.input, self.firmware.output
        if wanted is None or answered is None:
            raise TargetError("the firmware does not say what its model takes", "Build it with `renode-mnist build`.")
        if not takes_digits([wanted.shape], [answered.shape]):
            raise ModelError(
                f"the model {self.firmware.model_name} takes {_shape(wanted.shape)} and answers "
                f"{_shape(answered.shape)}; a picture needs 1x28x28x1 and 1x10",
                "Send its own tensors (`Session.infer`), or run a model for 28x28 pictures of ten classes.",
            )


def takes_digits(inputs: Sequence[tuple[int, ...]], outputs: Sequence[tuple[int, ...]]) -> bool:
    """Whether a network with these shapes is one for pictures of digits: 1x28x28x1 to ten classes."""
    if len(inputs) != 1 or len(outputs) != 1:
        return False
    return inputs[0][1:] in ((*PICTURE_SHAPE, 1), PICTURE_SHAPE) and math.prod(outputs[0]) == _CLASSES


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "scalar"


def _listed(tensors: Sequence[tuple[np.dtype[Any], tuple[int, ...]]]) -> str:
    return ", ".join(f"{dtype} {_shape(shape)}" for dtype, shape in tensors) or "nothing"
