"""What Renode's log says that a program used and its models lack, by the names of the manual."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from renode_mnist.stm32f746 import memory_map
from renode_mnist.stm32f746.register_names import register_name

_NOWHERE = re.compile(
    r"\[WARNING\] sysbus: (?:\[cpu: 0x(?P<pc>[0-9A-Fa-f]+)\] )?(?P<verb>Read|Write)\w* (?:from|to) "
    r"(?:a )?non existing peripheral at 0x(?P<address>[0-9A-Fa-f]+)"
)
_UNHANDLED = re.compile(
    r"\[WARNING\] (?P<name>\w+): (?:\[cpu: 0x(?P<pc>[0-9A-Fa-f]+)\] )?Unhandled (?P<verb>read|write) (?:from|to) "
    r"offset 0x(?P<offset>[0-9A-Fa-f]+)"
)
_TIME_AND_LEVEL = re.compile(r"^[\d:.]+ \[\w+\] ")
_MOST_REMARKS = 20

_PLACES = {"gpioPort": "GPIO", "flashInterface": "FLASH", "nvic": "SCS"}
"""Names of stm32f746.repl that are not the manual's in small letters."""


@dataclass(frozen=True)
class Findings:
    """What a log holds.

    Attributes:
        lacking: What is not modelled, once each.
        remarks: Its other lines, once each.
    """

    lacking: tuple[str, ...]
    remarks: tuple[str, ...]

    @classmethod
    def of(cls, log: str, symbol_at: Callable[[int], str]) -> Self:
        """Reads a log.

        Args:
            log: Renode's warnings and errors.
            symbol_at: `` in NAME+OFFSET`` of an address; empty where nothing is known.
        """
        lacking: dict[str, str] = {}
        remarks: dict[str, None] = {}
        for line in log.splitlines():
            if (found := _NOWHERE.search(line)) is not None:
                address = int(found["address"], 16)
            elif (found := _UNHANDLED.search(line)) is not None and (base := _base(found["name"])) is not None:
                address = base + int(found["offset"], 16)
            else:
                remarks.setdefault(_TIME_AND_LEVEL.sub("", line))
                continue
            name = register_name(address)
            who = symbol_at(int(found["pc"], 16)).removeprefix(" in ") if found["pc"] else ""
            does = "read" if found["verb"].lower() == "read" else "written"
            by = f" by {who or 'the code at 0x' + found['pc'].lower()}" if found["pc"] else ""
            if memory_map.memory_at(address) is None and memory_map.peripheral_at(address) is None:
                lacking.setdefault(
                    name, f"the fault at an address without memory is not modelled: {name}, {does}{by}"
                )
                continue
            place = memory_map.name_of(address)
            whole = place if "non existing" in line else f"part of {place}"
            lacking.setdefault(name, f"{whole} is not modelled: {name}, {does}{by}, does nothing in Renode")
        return cls(tuple(lacking.values()), tuple(remarks)[:_MOST_REMARKS])


def _base(name: str) -> int | None:
    """Of a peripheral by its name in stm32f746.repl."""
    manual = next((name.replace(ours, theirs) for ours, theirs in _PLACES.items() if name.startswith(ours)), name)
    return next((place.base for place in memory_map.PERIPHERALS if place.name == manual.upper()), None)
