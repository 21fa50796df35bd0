"""A fault, and what came of it, as plain data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

from renode_mnist.errors import DataError
from renode_mnist.option import alternatives


class Place(StrEnum):
    """Where a fault is put."""

    REQUEST = "request"
    """The line to the chip."""
    REPLY = "reply"
    """The line from it."""
    ARENA = "arena"
    """Activations and scratch of the kernels."""
    SESSION = "session"
    """All other variables: frames, messages, state of the session and of the drivers."""
    STACK = "stack"
    """As deep as a faultless inference uses it."""
    WIRE = "wire"
    """Buffers of DMA."""
    WEIGHTS = "weights"
    """The model's constants in flash."""
    CODE = "code"
    """Instructions, and constants that stand among them."""
    REGISTERS = "registers"
    """Of core and FPU."""
    RESET = "reset"
    """NRST is pulled."""
    SUPPLY = "supply"
    """The supply dips: a power-on reset, and RAM holds anything."""
    CLOCK = "clock"
    """An oscillator starts late or never."""


def places_named(names: Iterable[str]) -> tuple[Place, ...]:
    """The places of these names.

    Raises:
        DataError: One is no place.
    """
    there = {str(place): place for place in Place}
    if unknown := [name for name in names if name not in there]:
        listed = alternatives(tuple(there)).replace("``", "")
        raise DataError(f"faults have no place {unknown[0]!r}", f"Give {listed}.")
    return tuple(there[name] for name in names)


class Outcome(StrEnum):
    """What came of a fault, seen from the client; docs/faults.md has the definitions."""

    MASKED = "masked"
    CORRECTED = "corrected"
    DETECTED = "detected"
    SILENT = "silent"
    HANG = "hang"
    WATCHDOG = "watchdog"


@dataclass(frozen=True)
class Fault:
    """One fault, drawn from seed and number.

    Attributes:
        number: Of the fault.
        place: Where it is put.
        kind: What happens there: ``flip``, ``drop``, ``duplicate``, ``burst``, ``overrun``, ``reset``, ``dip``,
            ``late``, ``never``.
        part: Of the place: a layer's array, a function, a register, a request, an oscillator.
        sample: Which input is asked.
        at: When: instructions since the request, on the line bytes since the first, at a dip picoseconds, of an
            oscillator the picoseconds that it takes longer.
        address: Of the byte in memory, else 0.
        bit: Of it, of the register or of the byte on the line.
        length: Bytes of a burst, else 0.
        salt: Seed of what else is random in it.
    """

    number: int
    place: Place
    kind: str
    part: str
    sample: int
    at: int
    address: int = 0
    bit: int = 0
    length: int = 0
    salt: int = 0

    @property
    def said(self) -> str:
        """In a few words."""
        match self.place:
            case Place.REQUEST | Place.REPLY:
                what = f"{self.kind} at byte {self.at:,} of the {self.place} ({self.part})"
                return what + (f", bit {self.bit}" if self.kind == "flip" else "") + (
                    f", {self.length} bytes" if self.kind == "burst" else ""
                )  # fmt: skip
            case Place.WEIGHTS | Place.CODE:
                return f"bit {self.bit} of {self.address:#010x} ({self.part})"
            case Place.REGISTERS:
                return f"bit {self.bit} of {self.part} at instruction {self.at:,}"
            case Place.RESET:
                return f"reset at instruction {self.at:,}"
            case Place.SUPPLY:
                return f"dip of the supply {self.at / 1e9:.3f} ms after the request"
            case Place.CLOCK:
                return f"{self.part} is {self.at / 1e9:.3f} ms late" if self.at else f"{self.part} never starts"
        return f"bit {self.bit} of {self.address:#010x} ({self.part}) at instruction {self.at:,}"


@dataclass(frozen=True)
class Finding:
    """What came of a fault.

    Attributes:
        fault: That was put in.
        outcome: Seen from the client.
        how: More of it: the error's code, ``timeout``, ``lockup``; else empty.
        class_differs: Of a silently wrong answer, whether the highest score is another one; None where there is one
            score only.
        found_by_check: Of a silently wrong answer, whether the firmware's check of its image would have told; None
            where it has none.
    """

    fault: Fault
    outcome: Outcome
    how: str = ""
    class_differs: bool | None = None
    found_by_check: bool | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            **asdict(self.fault),
            "said": self.fault.said,
            "outcome": str(self.outcome),
            "how": self.how,
            "class_differs": self.class_differs,
            "found_by_check": self.found_by_check,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """What `to_json` made."""
        given = dict(values)
        del given["said"]
        outcome, how = Outcome(given.pop("outcome")), given.pop("how")
        told = {name: given.pop(name) for name in ("class_differs", "found_by_check")}
        return cls(Fault(**{**given, "place": Place(given["place"])}), outcome, how, **told)


SHARES = {
    Place.WEIGHTS: 8,
    Place.REGISTERS: 6,
    Place.CODE: 4,
    Place.REQUEST: 4,
    Place.REPLY: 4,
    Place.ARENA: 4,
    Place.SESSION: 3,
    Place.STACK: 3,
    Place.WIRE: 1,
    Place.RESET: 1,
    Place.SUPPLY: 1,
    Place.CLOCK: 1,
}
"""Faults of each place in a round of 40: more where there is more to tell apart."""


def rotation(places: Iterable[Place]) -> tuple[Place, ...]:
    """Places in the order in which faults take turns, so that each stretch of them is mixed alike."""
    chosen = [place for place in Place if place in set(places)]
    most = max(SHARES[place] for place in chosen)
    turns = [(turn / SHARES[place], place) for place in chosen for turn in range(SHARES[place])]
    return tuple(place for _, place in sorted(turns, key=lambda each: each[0])) if most > 1 else tuple(chosen)
