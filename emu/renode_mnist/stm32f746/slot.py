"""What a peripheral has around it in the chip: the protocol of this package's models and of a user's own.

::

    class Thermometer(Peripheral):
        \"\"\"Two registers: CR, whose bit 0 starts a conversion, and DR; its interrupt says that DR is new.\"\"\"

        interrupts = (37,)

        def __init__(self) -> None:
            super().__init__("THERMOMETER")

        def write(self, offset: int, value: int) -> None:
            super().write(offset, value)
            if offset == 0 and value & 1:
                self.slot.after(100 * MICROSECOND, "converted")

        def due(self, what: str) -> None:
            self.registers[4] = 25 + round(self.slot.now_ps / PICOSECONDS)
            self.slot.set_interrupt(True)
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Protocol

from renode_mnist.stm32f746.clock import PICOSECONDS, Event, Scheduler
from renode_mnist.stm32f746.log import EventLog
from renode_mnist.stm32f746.wiring import Request

MICROSECOND = PICOSECONDS // 10**6


class ResetCause(Enum):
    """Why the chip is reset, by its flag in RCC_CSR (RM0385 5.3.21)."""

    SOFTWARE = 28
    INDEPENDENT_WATCHDOG = 29
    WINDOW_WATCHDOG = 30
    LOW_POWER = 31


class Due(Protocol):
    """Whom an event tells."""

    @property
    def name(self) -> str:
        """As the bus has it."""
        ...

    def due(self, what: str) -> None:
        """An event has come."""
        ...


class PeripheralEvent:
    """An event's action: a peripheral is told ``what``. In this shape a snapshot can keep it."""

    __slots__ = ("of", "what")

    def __init__(self, of: Due, what: str) -> None:
        self.of = of
        self.what = what

    def __call__(self) -> None:
        """See `Due.due`."""
        self.of.due(self.what)


class Chip(Protocol):
    """What a peripheral wants of the chip around it."""

    def ask(self, request: Request, on: bool) -> None:
        """The DMA controllers, until further notice."""
        ...

    def pulse(self, request: Request) -> None:
        """For one item."""
        ...

    def read_had_effect(self) -> None:
        """The load under way has changed something."""
        ...


class ExternalMemory(Protocol):
    """A memory outside the chip: `external.ExternalMemory`."""

    @property
    def name(self) -> str:
        """For messages."""
        ...


class Slot:
    """A peripheral's connections.

    Args:
        of: The peripheral.
        scheduler: For events.
        log: Where it may say something.
        kernel_hertz: Tells its kernel clock.
        lines: Positions of its interrupts in the NVIC, in the order in which it numbers them.
        set_line: Drives the NVIC's line of a position.
        chip: Takes its requests of DMA.
        reset_chip: Resets the chip before the next block.
        show_memory: Brings a memory into the address space, or (None) takes it out.

    Attributes:
        log: As given.
        lines: As given.
    """

    def __init__(
        self,
        of: Due,
        scheduler: Scheduler,
        log: EventLog,
        kernel_hertz: Callable[[], int],
        lines: tuple[int, ...],
        set_line: Callable[[int, bool], None],
        chip: Chip,
        reset_chip: Callable[[ResetCause], None],
        show_memory: Callable[[ExternalMemory, int | None], None],
    ) -> None:
        self._of = of
        self._scheduler = scheduler
        self.log = log
        self._kernel_hertz = kernel_hertz
        self.lines = lines
        self._set_line = set_line
        self._chip = chip
        self._reset_chip = reset_chip
        self._show_memory = show_memory

    @property
    def now_ps(self) -> int:
        """Picoseconds since power-on."""
        return self._scheduler.clock.now_ps()

    @property
    def hertz(self) -> int:
        """Its kernel clock as the RCC is set now; `Peripheral.clock_changed` is called when that may have changed."""
        return self._kernel_hertz()

    @property
    def hclk_hertz(self) -> int:
        """The core's clock and the buses'."""
        return self._scheduler.clock.hertz

    def at(self, time_ps: int, what: str = "") -> Event:
        """`Peripheral.due` is called with ``what`` at ``time_ps``, or now if that has passed."""
        return self._scheduler.at(time_ps, PeripheralEvent(self._of, what))

    def after(self, delay_ps: int, what: str = "") -> Event:
        """Likewise in ``delay_ps``."""
        return self.at(self.now_ps + delay_ps, what)

    def set_interrupt(self, active: bool, line: int = 0) -> None:
        """Drives one of its interrupt lines, high until it is driven low; without effect where it has none."""
        if line < len(self.lines):
            self._set_line(self.lines[line], active)

    def ask_dma(self, signal: str, on: bool) -> None:
        """From now on it wants a DMA controller to move items, or no more; ``signal`` as in `wiring.DMA_REQUESTS`.

        A controller that listens moves at once, which the peripheral sees as reads or writes of its data register.
        """
        self._chip.ask(Request(self._of.name, signal), on)

    def pulse_dma(self, signal: str) -> None:
        """It wants one item moved, now."""
        self._chip.pulse(Request(self._of.name, signal))

    def read_had_effect(self) -> None:
        """To be called within `Peripheral.read` of a class that is `steady`, where that changes something."""
        self._chip.read_had_effect()

    def show_memory(self, memory: ExternalMemory, base: int | None) -> None:
        """Brings a memory that is outside the chip into its address space at ``base``; None takes it out."""
        self._show_memory(memory, base)

    def reset_chip(self, cause: ResetCause) -> None:
        """Resets the chip before the next block."""
        self._reset_chip(cause)
