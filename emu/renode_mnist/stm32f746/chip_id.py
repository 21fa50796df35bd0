"""The unique device ID (RM0385 41.1) that each emulator gives its chip, so that none is taken for silicon.

On silicon its first four bytes are the die's place on the wafer, small numbers; on the emulators all are letters.
"""

from __future__ import annotations

from typing import NamedTuple

EMBEDDED = b"renode-mnist"
RENODE = b"Renode (emu)"  # also in stm32f746.repl
_EMPTY = bytes(12)  # what a platform without one reads as


class Emulator(NamedTuple):
    """An emulator that can stand behind a serial port; ``counter_step`` as in ``TargetIdentity``."""

    name: str
    counter_step: int


_EMULATORS = {
    EMBEDDED: Emulator("embedded emulator", 1),
    RENODE: Emulator("Renode", 27),
    _EMPTY: Emulator("an emulator without a chip ID", 1),
}


def emulator(chip_id: bytes) -> Emulator | None:
    """Which emulator this ID is of; None for a chip's."""
    return _EMULATORS.get(chip_id)
