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

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from enum import Enum
from typing import NamedTuple, Protocol

from renode_mnist.stm32f746.clock import PICOSECONDS, Event, Scheduler
from renode_mnist.stm32f746.log import EventLog
from renode_mnist.stm32f746.wires import Wires
from renode_mnist.stm32f746.wiring import Request

MICROSECOND = PICOSECONDS // 10**6


class ResetCause(Enum):
    """Why the chip is reset, by its flag in RCC_CSR (RM0385 5.3.21)."""

    POWER_ON = 27
    SOFTWARE = 28
    INDEPENDENT_WATCHDOG = 29
    WINDOW_WATCHDOG = 30
    LOW_POWER = 31
    STANDBY = -1
    """Its end, which has no flag there but SBF in PWR_CSR1."""

    @property
    def words(self) -> str:
        """Who that was, for a sentence."""
        return {
            ResetCause.POWER_ON: "the supply",
            ResetCause.SOFTWARE: "the program",
            ResetCause.INDEPENDENT_WATCHDOG: "the independent watchdog",
            ResetCause.WINDOW_WATCHDOG: "the window watchdog",
            ResetCause.LOW_POWER: "a low-power mode that the option bytes forbid",
            ResetCause.STANDBY: "the end of standby",
        }[self]


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


class Asks(Protocol):
    """Leads a peripheral's requests to the DMA controllers."""

    def ask(self, request: Request, on: bool) -> None:
        """Until further notice."""
        ...

    def pulse(self, request: Request) -> None:
        """For one item."""
        ...


class Effects(NamedTuple):
    """What a peripheral may do to core and chip.

    Attributes:
        reset_chip: Resets the chip before the next block.
        send_event: Ends the core's WFE, or its next one.
        start_lsi: LSI runs from now on until a reset.
        backup_writable: Tells PWR_CR1.DBP.
        show_memory: Brings a memory into the address space, or (None) takes it out.
    """

    reset_chip: Callable[[ResetCause], None]
    send_event: Callable[[], None]
    start_lsi: Callable[[], None]
    backup_writable: Callable[[], bool]
    show_memory: Callable[[ExternalMemory, int | None], None]


class Reads(Protocol):
    """Is told of the read under way how its value changes; see `Slot`."""

    def read_moves(self) -> None:
        """By itself, or by being read."""
        ...

    def read_counts(self, tick_ps: int, ticks: int, *, falls: bool) -> None:
        """By one each ``tick_ps``."""
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
        is_clocked: Tells whether the RCC gives it one.
        lines: Positions of its interrupts in the NVIC, in the order in which it numbers them.
        wires: Lead interrupts and signals.
        dma: Takes its requests.
        effects: What it may do to core and chip.
        reads: Told how what is read changes.

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
        is_clocked: Callable[[], bool],
        lines: tuple[int, ...],
        wires: Wires,
        dma: Asks,
        effects: Effects,
        reads: Reads,
    ) -> None:
        self._of = of
        self._scheduler = scheduler
        self.log = log
        self._kernel_hertz = kernel_hertz
        self._is_clocked = is_clocked
        self.lines = lines
        self._wires = wires
        self._dma = dma
        self._effects = effects
        self._reads = reads
        self._planned: dict[str, Event] = {}

    @property
    def now_ps(self) -> int:
        """Picoseconds since power-on."""
        return self._scheduler.clock.now_ps()

    @property
    def hertz(self) -> int:
        """Its kernel clock as the RCC is set now; `Peripheral.clock_changed` is called when that may have changed."""
        return self._kernel_hertz()

    @property
    def clocked(self) -> bool:
        """Whether the RCC gives it a clock; `Peripheral.clock_changed` is called when that may have changed."""
        return self._is_clocked()

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

    def plan(self, what: str, time_ps: int | None) -> None:
        """`Peripheral.due` is called with ``what`` at ``time_ps`` in place of when it was planned before; or never.

        Unlike what `at` returns, a plan can still be changed behind a snapshot that was taken before.
        """
        event = self._planned.get(what)
        if event is not None and not event.cancelled:
            if event.time_ps == time_ps:
                return
            event.cancel()
        if time_ps is None:
            self._planned.pop(what, None)
        else:
            self._planned[what] = self.at(time_ps, what)

    def recall(self, planned: Mapping[str, Event]) -> None:
        """These are its plans, from a snapshot."""
        self._planned = dict(planned)

    def moves(self) -> None:
        """A read calls it where a `steady` peripheral's register is none.

        What is read changes by itself without an event, or by being read.
        """
        self._reads.read_moves()

    def counts(self, tick_ps: int, ticks: int, *, falls: bool) -> None:
        """Likewise, where it goes up (or ``falls``) by one each ``tick_ps``, at least that many times.

        Loops that wait for such a counter are skipped to just before its value ends them. ``tick_ps`` may be too
        short by less than one.
        """
        self._reads.read_counts(tick_ps, ticks, falls=falls)

    def set_interrupt(self, active: bool, line: int = 0) -> None:
        """Drives one of its interrupt lines, high until it is driven low; without effect where it has none.

        Where several peripherals share a position, it is high as long as any of them drives it so.

        Args:
            active: High.
            line: Which of its `lines`, counted from 0: no position in the NVIC.

        Raises:
            ValueError: It has lines, and not so many.
        """
        if self.lines and not 0 <= line < len(self.lines):
            raise ValueError(f"line {line} of {len(self.lines)}: it is counted from 0, and no position in the NVIC")
        if line < len(self.lines):
            self._wires.drive_interrupt(f"{self._of.name} {line}", self.lines[line], active)

    @property
    def moment_ps(self) -> int:
        """Now, or when exactly that happened of which it is being told."""
        moment_ps = self._wires.moment_ps
        return self.now_ps if moment_ps is None else min(moment_ps, self.now_ps)

    def happening_at(self, time_ps: int | None) -> AbstractContextManager[None]:
        """What it drives within happened then, which is the `moment_ps` of those who are told."""
        return self._wires.at(time_ps)

    def drive(self, signal: str, high: bool) -> None:
        """Drives a signal, see `Wires`."""
        self._wires.drive(signal, high)

    def pulse(self, signal: str) -> None:
        """A signal goes high and low at one moment."""
        self._wires.pulse(signal)

    def is_high(self, signal: str) -> bool:
        """A signal's level."""
        return self._wires.is_high(signal)

    def listen(self, signal: str, told: Callable[[bool], None]) -> None:
        """``told`` is called with a signal's level each time it changes."""
        self._wires.listen(signal, told)

    def ask_dma(self, signal: str, on: bool) -> None:
        """From now on it wants a DMA controller to move items, or no more; ``signal`` as in `wiring.DMA_REQUESTS`.

        A controller that listens moves at once, which the peripheral sees as reads or writes of its data register.
        """
        self._dma.ask(Request(self._of.name, signal), on)

    def pulse_dma(self, signal: str) -> None:
        """It wants one item moved, now."""
        self._dma.pulse(Request(self._of.name, signal))

    def show_memory(self, memory: ExternalMemory, base: int | None) -> None:
        """Brings a memory that is outside the chip into its address space at ``base``; None takes it out."""
        self._effects.show_memory(memory, base)

    def reset_chip(self, cause: ResetCause) -> None:
        """Resets the chip before the next block."""
        self._effects.reset_chip(cause)

    def send_event(self) -> None:
        """Ends the core's WFE, or its next one."""
        self._effects.send_event()

    def start_lsi(self) -> None:
        """LSI runs from now on until a reset, whatever the RCC's bit says."""
        self._effects.start_lsi()

    @property
    def backup_writable(self) -> bool:
        """PWR_CR1.DBP: what is in the backup domain can be written."""
        return self._effects.backup_writable()

    def watch(self, pins: Iterable[str]) -> None:
        """Its listeners are told of these pins (``PA0``) also while they are outputs, and no more of others."""
        self._wires.watch(self._of.name, pins)
