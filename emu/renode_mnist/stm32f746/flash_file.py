"""What the flash at the QUADSPI holds, from a file."""

from __future__ import annotations

from pathlib import Path

from renode_mnist import outside
from renode_mnist.errors import TargetError
from renode_mnist.stm32f746.nor_flash import SIZE_BYTES


def flash_content(path: Path) -> bytes:
    """The bytes of a file, from the flash's first on.

    Raises:
        TargetError: It cannot be read, or is larger than the flash.
    """
    try:
        return outside.content(path, SIZE_BYTES)
    except OSError as error:
        raise TargetError(
            f"{path} cannot be the QUADSPI's flash: {error.strerror}", f"It holds {SIZE_BYTES} bytes at most."
        ) from None
