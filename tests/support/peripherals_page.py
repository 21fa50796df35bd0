"""Makes docs/peripherals.md of the models of both emulators: `make docs-tables`."""

from __future__ import annotations

import re
from pathlib import Path

import c_programs
from renode_mnist import paths
from renode_mnist.stm32f746 import memory_map
from renode_mnist.stm32f746.machine import Machine

PAGE = "peripherals.md"

_HEAD = (
    "# Peripherals of the emulated chip\n\n"
    "Which of the STM32F746's peripherals each emulator has; made from its models (`make docs-tables`). *Absent* on "
    "the embedded target: registers keep what is written and do nothing, and each one that a program uses is named "
    "in [`emulate`](emulate.md)'s output and in the log. *Absent* in Renode: reads give 0, writes are dropped, both "
    "are named.\n\n| peripheral | embedded | Renode |\n| --- | --- | --- |\n"
)

_ABSENT = "absent"
_OF_TYPE = {
    "UART.STM32F7_USART": "baud pacing, overrun, errors, idle line, DMA; its receiver timeout is 8 times too long",
    "Timers.STM32F4_RTC": "what an STM32F7's has beyond an STM32F4's",
    "GPIOPort.STM32_GPIOPort": "lock",
    "DMA.STM32DMA": "circular mode, half transfers, channels, FIFO, bursts, errors; EN stays set after completion",
    "IRQControllers.STM32F4_EXTI": "events; PR stays clear for a software's interrupt",
    "Miscellaneous.STM32_SYSCFG": "memory remapping, the compensation cell, what is no EXTICR",
    "SPI.STM32SPI": "DMA, errors, pins, CR2's data size; nothing is attached",
    "I2C.STM32F7_I2C": "timing, NACKF where nobody answers, errors; nothing is attached",
}
_OF_NAME = {
    "nvic": "faults' routes by SHCSR; caches",
    "rcc": "start-up times (ready at once), clock gating, peripheral resets, clock security, MCO",
    "timers": "input capture, encoder, slave modes, outputs, DMA, centre-aligned counting, break",
    "iwdg": "the time that a write takes to arrive",
    "wwdg": "",
    "crc": "",
    "rng": "seed and clock errors",
    "pwr": "stop, standby, wake-up pins, voltage detector",
    "flashInterface": "programming and erasing, option bytes, protection",
    "dwt": "comparators, sampling, the counters of 8 bits; CYCCNT steps by straight pieces of code",
    "itm": "time stamps, ports but 0",
    "dbgmcu": "any effect: registers keep what is written",
}
"""What is known of Renode's models to be missing, by their type or by their name in stm32f746.repl."""

_PLACED = re.compile(r"^(\w+): ([\w.]+) @ (?:\{([^}]*)\}|(sysbus.*)$)", re.MULTILINE)
_PLACE = re.compile(r"sysbus <?0x([0-9A-F]+)")


def _in_renode() -> dict[int, str]:
    """What the models of the platform lack, by their first address."""
    found = {}
    for file in sorted(paths.platform_description().parent.glob("*.repl")):
        for name, kind, *places in _PLACED.findall(file.read_text()):
            for base in _PLACE.findall("".join(places)):
                place = memory_map.peripheral_at(int(base, 16))
                if place is not None and place.base == int(base, 16):
                    found[place.base] = _OF_NAME[name] if name in _OF_NAME else _OF_TYPE[kind]
    return found


def _told(lacks: str | None) -> str:
    return _ABSENT if lacks is None else f"partly, without {lacks}" if lacks else "whole"


def page() -> str:
    """The page's text."""
    bus = Machine(c_programs.build("int main(void) {}")).bus
    renode = _in_renode()
    rows: dict[tuple[str, str], list[str]] = {}
    for place in memory_map.PERIPHERALS:
        model = bus.model(place.name)
        told = _told(None if model is None else model.lacks), _told(renode.get(place.base))
        rows.setdefault(told, []).append(place.name)
    both_absent = rows.pop((_ABSENT, _ABSENT), [])
    lines = [f"| {', '.join(names)} | {embedded} | {other} |\n" for (embedded, other), names in rows.items()]
    lines.append(f"| {', '.join(both_absent)} | {_ABSENT} | {_ABSENT} |\n")
    return _HEAD + "".join(lines)


def file() -> Path:
    """Where it is."""
    return paths.root() / "docs" / PAGE


if __name__ == "__main__":
    file().write_text(page())
