"""The one family of errors that this package raises on purpose.

Each message says what is wrong and ends with what to do next; the command line prints it without a traceback
and exits with ``exit_code``.
"""

from __future__ import annotations


class RenodeMnistError(Exception):
    """Anything a user can act on.

    Args:
        message: What is wrong, with the values that show it.
        remedy: What to do next, as a sentence.

    Attributes:
        what: What is wrong without what to do, to be part of another sentence.
    """

    exit_code = 2

    def __init__(self, message: str, remedy: str = "") -> None:
        self.what = message.rstrip(".")
        super().__init__(_closed(f"{self.what}. {remedy}" if remedy else message))


def _closed(text: str) -> str:
    """With a full stop where it is a sentence, and not one with what another program said below it."""
    return text if "\n" in text or text.endswith((".", "!", "?")) else f"{text}."


class CheckFailed(RenodeMnistError):
    """A check ran and its answer is no (a wrong class, a grown budget)."""

    exit_code = 1


class EnvironmentProblem(RenodeMnistError):
    """A tool, package or device is missing or does not work."""


class SourcesMissing(EnvironmentProblem):
    """The sources of a library that one engine is made of are neither here nor to be had."""


class ModelError(RenodeMnistError):
    """A model file that cannot be read, is not supported or does not fit."""


class ImageError(RenodeMnistError):
    """A picture that cannot be read or holds no digit."""


class ElfError(RenodeMnistError):
    """An ELF that this chip cannot run."""


class BuildError(RenodeMnistError):
    """The firmware did not build."""


class DataError(RenodeMnistError):
    """A data set that cannot be had or is not what it should be."""


class TargetError(RenodeMnistError):
    """A target that could not be opened, died or misbehaved."""


class TargetTimeout(TargetError):
    """Nothing, or not enough, came before the deadline."""


class WireError(RenodeMnistError):
    """Bytes that are no frame or no message."""


class FirmwareError(RenodeMnistError):
    """The firmware answered a request with an error.

    Attributes:
        code: ``MnistProt.ErrorCode`` as an integer.
        address: Faulting address, 0 where there is none.
        program_counter: Program counter of the fault, 0 where there is none.
    """

    def __init__(
        self, message: str, remedy: str = "", *, code: int, address: int = 0, program_counter: int = 0
    ) -> None:
        super().__init__(message, remedy)
        self.code = code
        self.address = address
        self.program_counter = program_counter
