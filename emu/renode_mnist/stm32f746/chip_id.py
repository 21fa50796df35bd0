"""The unique device ID (RM0385 41.1) that each emulator gives its chip, so that none is taken for silicon.

On silicon its first four bytes are the die's place on the wafer, small numbers; on the emulators all are letters.
"""

from __future__ import annotations

from typing import NamedTuple

EMBEDDED = b"renode-mnist"
_EMBEDDED_M7 = b"emu-m7-"
"""Begins that of an embedded emulator whose counter follows the model of the core; 5 letters tell its figures."""
_M7_LETTERS = 12 - len(_EMBEDDED_M7)
_OWN_FIGURES = "model"
RENODE = b"Renode (emu)"  # also in stm32f746.repl
_EMPTY = bytes(12)  # what a platform without one reads as


class Emulator(NamedTuple):
    """An emulator that can stand behind a serial port.

    Attributes:
        name: What to call it.
        counter_step: As in ``TargetIdentity``.
        models_cycles: Whether its cycle counter follows a model of the core; else it counts instructions.
    """

    name: str
    counter_step: int
    models_cycles: bool = False


_EMULATORS = {
    EMBEDDED: Emulator("embedded emulator", 1),
    RENODE: Emulator("Renode", 27),
    _EMPTY: Emulator("an emulator without a chip ID", 1),
}


def embedded_m7(parameters: str = "") -> bytes:
    """The ID of an embedded emulator with clock model m7.

    Args:
        parameters: Their digest, where they are others than the model's own.
    """
    return _EMBEDDED_M7 + (parameters or _OWN_FIGURES)[:_M7_LETTERS].encode()


def emulator(chip_id: bytes) -> Emulator | None:
    """Which emulator this ID is of; None for a chip's."""
    if chip_id.startswith(_EMBEDDED_M7):
        figures = chip_id.removeprefix(_EMBEDDED_M7).decode("ascii", "replace")
        others = "" if figures == _OWN_FIGURES else f" with parameters {figures}…"
        return Emulator(f"embedded emulator, clock model m7{others}", 1, models_cycles=True)
    return _EMULATORS.get(chip_id)
