"""The parts of the chip of which there are two kinds: models in Python, and the same in C (`chip`, `chip_models`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from typing import Protocol

from renode_mnist.stm32f746 import chip, memory_map, wiring
from renode_mnist.stm32f746.bus import Bus
from renode_mnist.stm32f746.chip import Calls, Chip, Ran
from renode_mnist.stm32f746.chip_dma import ChipDma
from renode_mnist.stm32f746.chip_models import ChipClock, ChipGpio, ChipNvic, ChipScheduler, ChipSysTick, ChipUsart
from renode_mnist.stm32f746.clock import Scheduler, VirtualClock
from renode_mnist.stm32f746.core import Core
from renode_mnist.stm32f746.dma import Dma
from renode_mnist.stm32f746.dma_bus import DmaBus
from renode_mnist.stm32f746.dwt import Dwt, nobody
from renode_mnist.stm32f746.gpio import Gpio
from renode_mnist.stm32f746.log import EventLog
from renode_mnist.stm32f746.nvic import Nvic, SystemException
from renode_mnist.stm32f746.protection import Protection
from renode_mnist.stm32f746.rcc import Rcc
from renode_mnist.stm32f746.scs import FPCAR, SCR, SCR_SLEEPDEEP, SCR_SLEEPONEXIT, VTOR, SystemControlSpace
from renode_mnist.stm32f746.systick import SysTick
from renode_mnist.stm32f746.usart import Usart

_CORE_PAGES = tuple(memory_map.PRIVATE_PERIPHERAL_BUS + offset >> 12 for offset in (0x1000, 0xE000))
"""DWT and system control space, of which the chip has a part."""
_PORTS = [f"GPIO{port}" for port in "ABCDEFGHIJK"]
_RCC_REGISTERS = 40
"""``kRccRegisters`` of native/chip.h."""
_SIGNALS = ("RX", "TX")
"""Of a USART, as it receives and as it sends."""
_NUMBERS = {request: number for number, request in enumerate(wiring.REQUESTS)}


class _Asking(IntEnum):
    """``Asking`` of native/chip.h."""

    OFF = 0
    ON = 1
    ONCE = 2


class CoreState(Protocol):
    """What the core has besides registers.

    Attributes:
        asleep: It waits for an interrupt or event.
        waits_for_event: It does so by WFE, which an event ends too.
        deep: It sleeps in stop or standby.
        event_register: An event came (DDI 0403E B1.5.18).
        reset_requested: It is to be reset before the next block.
        hold_exceptions: What is pending stays so.
    """

    asleep: bool
    waits_for_event: bool
    deep: bool
    event_register: bool
    reset_requested: bool
    hold_exceptions: bool


@dataclass
class _CoreState:
    asleep: bool = False
    waits_for_event: bool = False
    deep: bool = False
    event_register: bool = False
    reset_requested: bool = False
    hold_exceptions: bool = False


class Parts(Protocol):
    """Time, exceptions, SysTick and USARTs of one machine."""

    @property
    def chip(self) -> Chip | None:
        """That in C, if it is one."""
        ...

    @property
    def state(self) -> CoreState:
        """Of the core."""
        ...

    @property
    def clock(self) -> VirtualClock:
        """Time."""
        ...

    @property
    def scheduler(self) -> Scheduler:
        """What is to happen in it."""
        ...

    @property
    def nvic(self) -> Nvic:
        """Exceptions."""
        ...

    @property
    def systick(self) -> SysTick:
        """The timer."""
        ...

    def usart(self, name: str, log: EventLog, kernel_hertz: Callable[[], int], line_baud: int | None) -> Usart:
        """Makes a USART; to be called once a name."""
        ...

    def gpio(self, name: str) -> Gpio:
        """Makes a GPIO port; to be called once a name."""
        ...

    def dma(self, name: str, log: EventLog, bus: Bus, is_clocked: Callable[[], bool]) -> Dma:
        """Makes a DMA controller; to be called once a name, when the USARTs are there."""
        ...

    def ask(self, request: wiring.Request, on: bool) -> None:
        """A peripheral other than a USART asks the DMA controllers for transfers, or no more."""
        ...

    def pulse(self, request: wiring.Request) -> None:
        """Likewise for one item."""
        ...

    def read_moves(self) -> None:
        """What is being read of a steady peripheral changes by itself, or by being read: see `Slot.moves`."""
        ...

    def read_counts(self, tick_ps: int, ticks: int, *, falls: bool) -> None:
        """What is being read counts: see `Slot.counts`."""
        ...

    def connect(self, bus: Bus, protection: Protection, scs: SystemControlSpace, dwt: Dwt) -> None:
        """Leads the core's accesses to peripherals to ``bus``, as far as ``protection`` allows."""
        ...

    def pages_changed(self, bus: Bus) -> None:
        """To be called when other pages of the address space have a peripheral or a memory behind the bus."""
        ...

    def clocks_changed(self, rcc: Rcc) -> None:
        """To be called when registers of the RCC have changed."""
        ...

    def run(self, time_ps: int, condition: Callable[[], bool] | None) -> Ran:
        """Rounds of `Machine.run_until`, until one has to be done there."""
        ...

    def synchronise(self) -> None:
        """To be called before somebody looks at, and after somebody changed, the core's own registers."""
        ...


class PythonParts:
    """Models in Python: the reference."""

    chip = None

    def __init__(self, core: Core, hertz: int) -> None:
        stop = core.counter.request_stop
        self._core = core
        self.state: CoreState = _CoreState()
        self.clock = VirtualClock(core.counts.cycles_now, hertz)
        self.scheduler = Scheduler(self.clock, stop)
        self.nvic = Nvic(stop)
        self.systick = SysTick(self.scheduler, lambda: self.nvic.pend(SystemException.SYSTICK))
        self._usarts: dict[str, Usart] = {}
        self._dmas: list[Dma] = []
        self._asking: set[wiring.Request] = set()
        self._pulses: wiring.Request | None = None

    def usart(self, name: str, log: EventLog, kernel_hertz: Callable[[], int], line_baud: int | None) -> Usart:
        """See `Parts`."""
        set_interrupt = partial(self.nvic.set_line, wiring.POSITIONS[name])
        self._usarts[name] = Usart(name, self.scheduler, log, kernel_hertz, set_interrupt, line_baud)
        self._usarts[name].request = lambda sends: self._serve(wiring.Request(name, _SIGNALS[sends]))
        return self._usarts[name]

    def gpio(self, name: str) -> Gpio:
        """See `Parts`."""
        return Gpio(name)

    def dma(self, name: str, log: EventLog, bus: Bus, is_clocked: Callable[[], bool]) -> Dma:
        """See `Parts`."""
        positions = wiring.interrupts(name)
        dma = Dma(
            name,
            log,
            DmaBus(self._core.memory, bus),
            is_clocked,
            lambda stream, active: self.nvic.set_line(positions[stream], active),
            self._asks,
        )
        self._dmas.append(dma)
        return dma

    def _serve(self, request: wiring.Request) -> None:
        for dma in self._dmas:
            dma.serve(request)

    def _asks(self, request: wiring.Request) -> bool:
        if (usart := self._usarts.get(request.peripheral)) is not None:
            return usart.asks(_SIGNALS.index(request.signal) == 1)
        asked = request in self._asking
        if self._pulses == request:
            self._asking.discard(request)
        return asked

    def ask(self, request: wiring.Request, on: bool) -> None:
        """See `Parts`."""
        if not on:
            self._asking.discard(request)
            return
        self._asking.add(request)
        self._serve(request)

    def pulse(self, request: wiring.Request) -> None:
        """See `Parts`."""
        before, self._pulses = self._pulses, request
        self.ask(request, True)
        self._asking.discard(request)
        self._pulses = before

    def read_moves(self) -> None:
        """See `Parts`; here no loop is skipped."""

    def read_counts(self, tick_ps: int, ticks: int, *, falls: bool) -> None:
        """See `Parts`; here no loop is skipped."""

    def connect(self, bus: Bus, protection: Protection, _scs: SystemControlSpace, _dwt: Dwt) -> None:
        """See `Parts`."""
        self._core.map_bus(memory_map.WINDOWS, bus.read, bus.write, protection.may_access)

    def pages_changed(self, bus: Bus) -> None:
        """See `Parts`; these ask the bus each time."""

    def clocks_changed(self, rcc: Rcc) -> None:
        """See `Parts`; these ask the RCC each time."""

    def run(self, _time_ps: int, _condition: Callable[[], bool] | None) -> Ran:
        """See `Parts`."""
        return Ran.DECLINED

    def synchronise(self) -> None:
        """See `Parts`; there is only one truth here."""


class ChipParts:
    """The same in C."""

    def __init__(self, core: Core, hertz: int) -> None:
        self._core = core
        calls = Calls(
            self._read,
            self._write,
            self._may_access,
            self._line_timing,
            self._crossing,
            self._unusual,
            self._pins,
            self._unmodelled,
        )
        self.chip: Chip = chip.build(core.engine, core.counter, hertz, core.memory.places(), calls)
        self._native = self.chip.native
        self.state: CoreState = self._native
        self.clock = ChipClock(self.chip)
        self.scheduler = ChipScheduler(self.chip, self.clock)
        self.nvic = ChipNvic(self.chip, core.counter.request_stop)
        self.systick = ChipSysTick(self.chip)
        self._usarts: dict[int, ChipUsart] = {}
        self._gpios: list[ChipGpio] = []
        self._dmas: list[ChipDma] = []

    def usart(self, name: str, log: EventLog, kernel_hertz: Callable[[], int], line_baud: int | None) -> Usart:
        """See `Parts`."""
        index = wiring.USARTS.index(name)
        usart = ChipUsart(self.chip, index, name, self.scheduler, log, kernel_hertz, line_baud)
        self._usarts[index] = usart
        return usart

    def gpio(self, name: str) -> Gpio:
        """See `Parts`."""
        gpio = ChipGpio(self.chip, _PORTS.index(name), name)
        self._gpios.append(gpio)
        return gpio

    def dma(self, name: str, log: EventLog, _bus: Bus, _is_clocked: Callable[[], bool]) -> Dma:
        """See `Parts`."""
        dma = ChipDma(self.chip, len(self._dmas), name, log)
        self._dmas.append(dma)
        return dma

    def ask(self, request: wiring.Request, on: bool) -> None:
        """See `Parts`."""
        self._ask(request, _Asking.ON if on else _Asking.OFF)

    def pulse(self, request: wiring.Request) -> None:
        """See `Parts`."""
        self._ask(request, _Asking.ONCE)

    def _ask(self, request: wiring.Request, asking: _Asking) -> None:
        if (number := _NUMBERS.get(request)) is not None:
            self._native.dma_ask(number, asking)

    def read_moves(self) -> None:
        """See `Parts`."""
        self._native.read_moves = True

    def read_counts(self, tick_ps: int, ticks: int, *, falls: bool) -> None:
        """See `Parts`."""
        self._native.read_counts(tick_ps, ticks, falls)

    def connect(self, bus: Bus, protection: Protection, scs: SystemControlSpace, dwt: Dwt) -> None:
        """See `Parts`."""
        self._bus = bus
        self._scs = scs
        self._dwt = dwt
        self._protection = protection
        self.pages_changed(bus)
        self.chip.set_unmodelled({offset: sum(bits.values()) for offset, bits in Usart.unmodelled.items()})
        self._core.map_chip(memory_map.WINDOWS, self.chip)
        self.synchronise()

    def pages_changed(self, bus: Bus) -> None:
        """See `Parts`."""
        self.chip.set_steady_pages(bus.steady_pages())
        self.chip.set_peripheral_pages(bus.pages())

    def clocks_changed(self, rcc: Rcc) -> None:
        """See `Parts`."""
        self._native.set_rcc([rcc.peek(4 * index) for index in range(_RCC_REGISTERS)])
        clocked: list[ChipUsart | ChipGpio | ChipDma] = [*self._usarts.values(), *self._gpios, *self._dmas]
        for each in clocked:
            each.clock_switched(rcc.is_clocked(each.name))

    def run(self, time_ps: int, condition: Callable[[], bool] | None) -> Ran:
        """See `Parts`."""
        self._native.count_in_python = self._dwt.on_count_read is not nobody
        self._core.begin()
        ran = self.chip.run(time_ps, condition)
        self._core.raise_seen()
        if ran in (Ran.TO_STOP, Ran.DECLINED):
            self.synchronise()
        return ran

    def synchronise(self) -> None:
        """See `Parts`."""
        registers, native = self._scs.registers, self._native
        native.vector_table = registers[VTOR]
        native.sleep_on_exit = bool(registers[SCR] & SCR_SLEEPONEXIT)
        native.sleep_deep = bool(registers[SCR] & SCR_SLEEPDEEP)
        native.count, native.count_since, native.counting = self._dwt.counted
        if native.fpcar_set:
            registers[FPCAR] = native.fpcar
            native.fpcar_set = False

    # What it asks

    def _read(self, address: int, size_bytes: int) -> int:
        if address >> 12 not in _CORE_PAGES:
            return self._bus.read(address, size_bytes)
        self.synchronise()
        value = self._bus.read(address, size_bytes)
        self.synchronise()
        return value

    def _write(self, address: int, size_bytes: int, value: int) -> None:
        if memory_map.FLASH.holds(address):
            self._core.store_to_flash(address, size_bytes, value)
            return
        if address >> 12 not in _CORE_PAGES:
            self._bus.write(address, size_bytes, value)
            return
        self.synchronise()
        self._bus.write(address, size_bytes, value)
        self.synchronise()

    def _may_access(self, address: int, size_bytes: int, store: bool) -> bool:
        return self._protection.may_access(address, size_bytes, store)

    def _line_timing(self, index: int) -> tuple[int, int, int, int, bool, bool]:
        return self._usarts[index].timing()

    def _crossing(self, index: int, outwards: bool, byte: int) -> tuple[int, bool]:
        return self._usarts[index].crossing(outwards, byte)

    def _pins(self, index: int) -> None:
        self._gpios[index].changed()

    def _unmodelled(self, address: int, value: int) -> None:
        self._bus.tell_unmodelled(address, value)

    def _unusual(self, index: int, stream: int, address: int | None) -> None:
        self._dmas[index].say(stream, address)


def build_parts(core: Core, hertz: int, *, in_python: bool) -> Parts:
    """The parts in C where the extension was built and counts, or those in Python.

    Args:
        core: They are around it.
        hertz: HCLK after reset.
        in_python: Takes those in Python all the same.
    """
    if in_python or not chip.available(core.counter):
        return PythonParts(core, hertz)
    return ChipParts(core, hertz)
