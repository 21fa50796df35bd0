"""What the LCD controller of a machine shows, as a file."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PIL import Image

from renode_mnist.errors import TargetError
from renode_mnist.stm32f746.machine import Machine
from renode_mnist.stm32f746.peripherals.ltdc import Ltdc


def _read(machine: Machine, address: int, size_bytes: int) -> bytes | None:
    found = machine.core.memory.peek(address, size_bytes)
    return machine.bus.external(address, size_bytes) if found is None else found


def write_lcd(machine: Machine, path: Path) -> None:
    """Writes the picture as a .png.

    Raises:
        TargetError: The controller is off, or the file cannot be written.
    """
    ltdc = machine.bus.model("LTDC")
    assert isinstance(ltdc, Ltdc)
    picture = ltdc.picture(partial(_read, machine))
    if picture is None:
        raise TargetError(
            f"there is no picture for {path}: the LTDC is off, or has no active area",
            "The program has to set LTDC_GCR.LTDCEN, LTDC_BPCR and LTDC_AWCR.",
        )
    try:
        Image.fromarray(picture).save(path, format="PNG")
    except OSError as error:
        raise TargetError(
            f"{path} cannot be written: {error.strerror}", "Name a file in a folder that is there."
        ) from None
