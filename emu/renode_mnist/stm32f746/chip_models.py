"""The models of time, exceptions, SysTick and USARTs with their state in the chip in C: see `chip`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Any

from renode_mnist.stm32f746.chip import Chip, NumberSet
from renode_mnist.stm32f746.clock import Event, Scheduler, VirtualClock
from renode_mnist.stm32f746.gpio import Gpio
from renode_mnist.stm32f746.log import EventLog
from renode_mnist.stm32f746.nvic import FIXED_PRIORITIES, PRIORITY_MASK, Nvic
from renode_mnist.stm32f746.systick import SysTick
from renode_mnist.stm32f746.usart import BAUD_TOLERANCE, Usart


class ChipClock(VirtualClock):
    """`VirtualClock` in C."""

    def __init__(self, chip: Chip) -> None:
        self._native = chip.native

    @property
    def hertz(self) -> int:
        """See `VirtualClock`."""
        return int(self._native.hertz)

    def now_ps(self) -> int:
        """See `VirtualClock`."""
        return int(self._native.now_ps())

    def set_hertz(self, hertz: int) -> None:
        """See `VirtualClock`."""
        self._native.set_hertz(hertz)

    def cycles_at(self, time_ps: int) -> int:
        """See `VirtualClock`."""
        return int(self._native.cycles_at(time_ps))

    def sleep_until(self, time_ps: int) -> None:
        """See `VirtualClock`."""
        self._native.sleep_until(time_ps)


class ChipEvent(Event):
    """An `Event` in the chip's queue."""

    __slots__ = ("_name", "_native")

    def __init__(self, native: Any, time_ps: int, name: int) -> None:
        self.time_ps = time_ps
        self._native = native
        self._name = name

    def cancel(self) -> None:
        """See `Event`."""
        self._native.cancel(self._name)

    @property
    def cancelled(self) -> bool:
        """See `Event`."""
        return not self._native.is_due(self._name)


class ChipScheduler(Scheduler):
    """`Scheduler` in C."""

    def __init__(self, chip: Chip, clock: ChipClock) -> None:
        self.clock = clock
        self._native = chip.native

    def at(self, time_ps: int, action: Callable[[], None]) -> Event:
        """See `Scheduler`."""
        return ChipEvent(self._native, time_ps, self._native.at(time_ps, action))

    def known(self, time_ps: int, name: int) -> Event:
        """See `Scheduler`."""
        return ChipEvent(self._native, time_ps, name)

    def next_ps(self) -> int | None:
        """See `Scheduler`."""
        next_ps: int | None = self._native.next_ps()
        return next_ps

    def run_due(self) -> None:
        """See `Scheduler`."""
        self._native.run_due()

    def clear(self) -> None:
        """See `Scheduler`."""
        self._native.clear_events()


class _Do(IntEnum):
    """``NvicAct`` of native/chip_type.c."""

    RESET = 0
    PEND = 1
    UNPEND = 2
    ACTIVATE = 3
    DEACTIVATE = 4
    ENABLE = 5
    DISABLE = 6
    RAISE = 7
    LOWER = 8


class ChipNvic(Nvic):
    """`Nvic` in C."""

    def __init__(self, chip: Chip, on_change: Callable[[], None]) -> None:
        self._native = chip.native
        self._on_change = on_change
        self.enabled, self.pending, self.active, self.lines = (NumberSet(chip.native, index) for index in range(4))

    def reset(self) -> None:
        """See `Nvic`."""
        self._native.nvic_do(_Do.RESET, 0)

    @property
    def priority_group(self) -> int:
        """AIRCR.PRIGROUP."""
        return int(self._native.priority_group)

    @priority_group.setter
    def priority_group(self, group: int) -> None:
        self._native.priority_group = group

    def priority(self, number: int) -> int:
        """See `Nvic`."""
        fixed = FIXED_PRIORITIES.get(number)  # type: ignore[call-overload]
        return int(fixed) if fixed is not None else int(self._native.nvic_priority(number))

    def set_priority(self, number: int, value: int) -> None:
        """See `Nvic`."""
        self._native.nvic_set_priority(number, value & PRIORITY_MASK)
        self._on_change()

    def pend(self, number: int) -> None:
        """See `Nvic`."""
        self._native.nvic_do(_Do.PEND, number)

    def unpend(self, number: int) -> None:
        """See `Nvic`."""
        self._native.nvic_do(_Do.UNPEND, number)

    def set_line(self, interrupt: int, active: bool) -> None:
        """See `Nvic`."""
        self._native.nvic_do(_Do.RAISE if active else _Do.LOWER, interrupt)

    def enable(self, number: int, on: bool) -> None:
        """See `Nvic`."""
        self._native.nvic_do(_Do.ENABLE if on else _Do.DISABLE, number)

    def best_pending(self) -> int | None:
        """See `Nvic`."""
        number: int | None = self._native.nvic_best_pending()
        return number

    def activate(self, number: int) -> None:
        """See `Nvic`."""
        self._native.nvic_do(_Do.ACTIVATE, number)

    def deactivate(self, number: int) -> None:
        """See `Nvic`."""
        self._native.nvic_do(_Do.DEACTIVATE, number)


class ChipSysTick(SysTick):
    """`SysTick` in C."""

    def __init__(self, chip: Chip) -> None:
        self._native = chip.native

    def reset(self) -> None:
        """See `SysTick`."""
        self._native.systick_reset()

    def settle(self) -> None:
        """See `SysTick`."""
        self._native.systick_settle()

    def plan(self) -> None:
        """See `SysTick`."""
        self._native.systick_plan()

    def read(self, offset: int) -> int:
        """See `SysTick`."""
        return int(self._native.systick_read(offset))

    def write(self, offset: int, value: int) -> None:
        """See `SysTick`."""
        self._native.systick_write(offset, value)


class ChipGpio(Gpio):
    """`Gpio` in C."""

    def __init__(self, chip: Chip, index: int, name: str) -> None:
        self._native = chip.native
        self._index = index
        super().__init__(name)
        self.reset()

    def clock_switched(self, clocked: bool) -> None:
        """Whether it has a clock may have changed."""
        self._native.gpio_clock(self._index, clocked)

    def reset(self) -> None:
        """See `Gpio`."""
        self._native.gpio_reset(self._index)
        for offset, value in self.reset_values.items():
            self._native.gpio_write(self._index, offset, value)
        self._came_out_of_reset()

    def peek(self, offset: int) -> int:
        """See `Gpio`."""
        return int(self._native.gpio_read(self._index, offset, True))

    def read(self, offset: int) -> int:
        """See `Gpio`."""
        return int(self._native.gpio_read(self._index, offset, False))

    def write(self, offset: int, value: int) -> None:
        """See `Gpio`."""
        if self._native.gpio_write(self._index, offset, value):
            self.changed()

    @property
    def levels(self) -> int:
        """See `Gpio`."""
        return int(self._native.gpio_levels(self._index))

    def _drive(self, driven: int, high: int) -> None:
        self._native.gpio_drive(self._index, driven, high)

    def watch(self, pins: int) -> None:
        """See `Gpio`."""
        self._native.gpio_watch(self._index, pins)

    def state(self) -> dict[str, Any]:
        """See `Peripheral.state`; the rest is the chip's."""
        return {"to_come": list(self._to_come), "driven": (self._driven, self._high)}

    def take_state(self, state: Mapping[str, Any]) -> None:
        """See `Peripheral.take_state`."""
        self._to_come = list(state["to_come"])
        self._driven, self._high = state["driven"]


class ChipUsart(Usart):
    """`Usart` in C, but for what depends on baud rates."""

    def __init__(
        self,
        chip: Chip,
        index: int,
        name: str,
        scheduler: Scheduler,
        log: EventLog,
        kernel_hertz: Callable[[], int],
        line_baud: int | None,
    ) -> None:
        self._native = chip.native
        self._index = index
        self._clocked = False
        super().__init__(name, scheduler, log, kernel_hertz, lambda _active: None, line_baud)

    def clock_switched(self, clocked: bool) -> None:
        """Its kernel clock, or whether it has one, may have changed."""
        self._clocked = clocked
        self._native.usart_clock(self._index, clocked)

    @property
    def transmitted(self) -> Callable[[int], None]:
        """See `Usart`."""
        return self._transmitted

    @transmitted.setter
    def transmitted(self, called: Callable[[int], None]) -> None:
        self._transmitted = called
        self._native.usart_transmitted(self._index, called)

    @property
    def line_baud(self) -> int | None:
        """See `Usart`."""
        return self._line_baud

    @line_baud.setter
    def line_baud(self, baud: int | None) -> None:
        self._line_baud = baud
        self.clock_switched(self._clocked)

    def reset(self) -> None:
        """See `Usart`."""
        self._native.usart_reset(self._index)

    @property
    def incoming(self) -> int:
        """See `Usart`."""
        return int(self._native.usart_incoming(self._index))

    def feed(self, data: bytes) -> None:
        """See `Usart`."""
        self._native.usart_feed(self._index, data)

    def peek(self, offset: int) -> int:
        """See `Usart`."""
        return int(self._native.usart_read(self._index, offset, True))

    def read(self, offset: int) -> int:
        """See `Usart`."""
        return int(self._native.usart_read(self._index, offset, False))

    def write(self, offset: int, value: int) -> None:
        """See `Usart`."""
        self._native.usart_write(self._index, offset, value)

    def state(self) -> dict[str, Any]:
        """See `Peripheral.state`: it is the chip's."""
        return {}

    def take_state(self, state: Mapping[str, Any]) -> None:
        """See `Peripheral.take_state`."""

    def timing(self) -> tuple[int, int, int, int, bool, bool]:
        """``LineTiming`` of native/usart.h.

        Returns:
            Picoseconds that a frame takes at the rate set here and at the other end's, 0 where there is none, and
            that the line may be silent behind one, 0 where that is not watched; the bits of a word, set; whether
            frames arrive as they were sent, and are received there as they are sent.
        """
        own, line = self.baud, self.line_baud or self.baud
        return (
            self._frame_ps(own) if own else 0,
            self._frame_ps(line) if line else 0,
            self.timeout_ps,
            (1 << self._data_bits) - 1,
            not own or not line or abs(line / own - 1) <= BAUD_TOLERANCE,
            not self.line_baud or abs((own or self.line_baud) / self.line_baud - 1) <= BAUD_TOLERANCE,
        )

    def crossing(self, outwards: bool, byte: int) -> tuple[int, bool]:
        """What is read of a frame at another baud rate, and whether its stop bit was found."""
        if not outwards:
            return self._crossing(byte, self.line_baud or self.baud, self.baud)
        assert self.line_baud
        return self._crossing(byte, self.baud or self.line_baud, self.line_baud)
