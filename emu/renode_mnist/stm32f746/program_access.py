"""Which part of the program makes the bus access under way, for what is told of it."""

from __future__ import annotations

from renode_mnist.stm32f746 import memory_map
from renode_mnist.stm32f746.core import Core
from renode_mnist.stm32f746.elf import Image
from renode_mnist.stm32f746.log import EventLog
from renode_mnist.stm32f746.register_names import register_name
from renode_mnist.stm32f746.trace_lock import LAR


class ProgramAccess:
    """The program's accesses, told from a debugger's or a test's.

    Args:
        core: That makes them.
        image: Knows its functions.
        log: Where a write is told that a lock has kept out.
    """

    def __init__(self, core: Core, image: Image, log: EventLog) -> None:
        self._core = core
        self._image = image
        self._log = log

    def who(self) -> str:
        """``main+0x12``; empty where somebody else than the program makes it."""
        access = self._core.memory.bus_access
        if not access.active:
            return ""
        return self._image.symbol_at(access.pc).removeprefix(" in ") or f"the code at {access.pc:#010x}"

    def tell_locked(self, name: str, offset: int) -> None:
        """That unit has ignored a write."""
        if who := self.who():
            base = next(place.base for place in memory_map.PERIPHERALS if place.name == name)
            self._log.once(
                f"{name} is locked and ignores what {who} writes to {register_name(base + offset)}: "
                f"write 0xC5ACCE55 to {name}.LAR ({base + LAR:#010x}) first"
            )
