"""A target with its firmware running, asked for classifications: each answer carries its identity."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

import numpy as np

from renode_mnist.errors import ModelError, TargetError, TargetTimeout, WireError
from renode_mnist.model import preprocess
from renode_mnist.report.record import Connection, Record
from renode_mnist.targets.base import Target
from renode_mnist.wire.client import DEFAULT_TIMEOUT_SECONDS, Client, Observer
from renode_mnist.wire.messages import PROTOCOL_VERSION, Stats

PICTURE_SHAPE = (28, 28)
_CLASSES = 10
_GREETING_TIMEOUT_SECONDS = 1.0


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
        observer: Sees each frame both ways.
        programmer: For a target that keeps its firmware: used where another firmware, or none, answers.

    Attributes:
        target: The opened target.
        client: For requests that are no classification.
        firmware: What the firmware said of itself when the session began.
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
        self.client = Client(target, timeout_seconds=timeout_seconds, observer=observer)
        self.firmware: Stats

    def __enter__(self) -> Self:
        """Opens the target.

        Raises:
            TargetError: It cannot be opened, or its firmware speaks another version of the protocol.
            TargetTimeout: Its firmware does not answer.
        """
        self.target.__enter__()
        try:
            if self._programmer is not None and not self._programmer.holds(self._running_build_id()):
                self._programmer.program()
            self.firmware = self.client.stats()
            if self.firmware.protocol_version != PROTOCOL_VERSION:
                raise TargetError(
                    f"the firmware speaks protocol {self.firmware.protocol_version}, this program {PROTOCOL_VERSION}",
                    "Build and load the firmware of this version: `renode-mnist build`.",
                )
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
        return Record(self.target.identity(), self.firmware, inference, name or preprocess.name_of(picture), pixels)

    def check(self) -> Connection:
        """Asks the firmware once more who it is: an answer says that the connection works.

        Raises:
            TargetTimeout: No answer.
        """
        return Connection(self.target.identity(), self.client.stats())

    def _running_build_id(self) -> str:
        greeting = Client(self.target, timeout_seconds=_GREETING_TIMEOUT_SECONDS)
        try:
            return greeting.stats().build_id
        except (TargetTimeout, WireError):
            return ""  # an empty flash, or a firmware of another kind

    def _check_takes_pictures(self) -> None:
        wanted, answered = self.firmware.input, self.firmware.output
        if wanted is None or answered is None:
            raise TargetError("the firmware does not say what its model takes", "Build it with `renode-mnist build`.")
        if wanted.shape[1:] not in ((*PICTURE_SHAPE, 1), PICTURE_SHAPE) or np.prod(answered.shape) != _CLASSES:
            raise ModelError(
                f"the model {self.firmware.model_name} takes {_shape(wanted.shape)} and answers "
                f"{_shape(answered.shape)}; a picture needs 1x28x28x1 and 1x10",
                "Send its own input tensor (`Client.infer`), or run a model for 28x28 pictures of ten classes.",
            )


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
