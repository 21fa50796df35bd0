"""Readers of files that come from outside: whatever goes wrong inside one becomes a refusal with words."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from renode_mnist.errors import RenodeMnistError
from renode_mnist.plain_text import one_line

MOST_BYTES = 1_000_000_000
"""That a file may have: a hundred times a debug ELF for this chip, a thousand times the flash."""


def content(path: Path, most: int = MOST_BYTES) -> bytes:
    """All of a file, be it a pipe, unless that has no end, as /dev/zero.

    Args:
        path: Of the file.
        most: Bytes that it may have.

    Raises:
        OSError: It cannot be read, or is larger; `strerror` says so.
    """
    logging.getLogger(__name__).info("reading %s", path)
    with path.open("rb") as stream:
        found = stream.read(most + 1)
    if len(found) > most:
        raise OSError(errno.EFBIG, f"it has more than {most:,} bytes", str(path))
    return found


@contextmanager
def reading(refusal: Callable[[str], RenodeMnistError]) -> Iterator[None]:
    """Turns every error of the reader inside into one refusal.

    A parser that meets damage raises whatever its author did not think of: `KeyError`, `AssertionError`,
    `RecursionError`, a `TypeError` three calls below. A list of them is never whole, so this has none. What is a
    refusal already is let through. The file is read before, so that what the system says of it is no damage.

    Args:
        refusal: Makes the error of why, a part of a sentence.

    Raises:
        RenodeMnistError: What ``refusal`` made.
    """
    try:
        yield
    except RenodeMnistError:
        raise
    except Exception as error:
        raise refusal(why(error)) from error


def why(error: Exception) -> str:
    """What an error of a parser says, in one line and in no other's words where it has none."""
    said = one_line(str(error))
    match error:
        case RecursionError():
            return "it is nested too deeply"
        case MemoryError():
            return "it asks for more memory than there is"
        case KeyError():
            return f"it has no {said}"
    return said or type(error).__name__
