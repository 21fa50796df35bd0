"""An ELF, opened for those who read it and do not run it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from elftools.elf.elffile import ELFFile

from renode_mnist import outside
from renode_mnist.errors import ElfError

_REMEDY = "Give the .elf that the linker wrote; `renode-mnist build` makes that of this project's firmware."


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """A file as pyelftools has it; what that raises inside, at damage of any kind, is an `ElfError` outside.

    Raises:
        ElfError: It cannot be read.
    """
    try:
        content = outside.content(path)
    except OSError as error:
        raise ElfError(f"{path} cannot be read: {error.strerror}", _REMEDY) from error
    if content[:4] != b"\x7fELF":
        raise ElfError(f"{path} is no ELF file", _REMEDY)
    with outside.reading(lambda why: ElfError(f"{path} is a damaged ELF ({why})", _REMEDY)):
        yield ELFFile(io.BytesIO(content))
