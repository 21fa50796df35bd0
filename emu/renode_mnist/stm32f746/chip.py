"""The chip in C (``native/chip.h``), and its parts under the interfaces of the models in Python.

Both are the same chip: same counts, same virtual times. The models in Python are the reference, and run where the
extension was not built or somebody watches; `ChipClock` and its like are those models with their state in C, so that
what is rare is written once, in Python.
"""

from __future__ import annotations

import ctypes
import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableSet, Sequence
from enum import IntEnum
from typing import Any, NamedTuple

import unicorn
from unicorn import arm_const as arm
from unicorn.unicorn_py3.unicorn import uclib

from renode_mnist.stm32f746 import memory_map, wiring
from renode_mnist.stm32f746.address_space import BusAccess, BusRead, BusWrite
from renode_mnist.stm32f746.registers import address_of, check
from renode_mnist.stm32f746.stop import Stop, StopKind
from renode_mnist.stm32f746.usart import Received

_REGISTERS = (
    *(arm.UC_ARM_REG_R0 + index for index in range(13)),
    arm.UC_ARM_REG_SP, arm.UC_ARM_REG_LR, arm.UC_ARM_REG_PC, arm.UC_ARM_REG_XPSR, arm.UC_ARM_REG_CONTROL,
    arm.UC_ARM_REG_MSP, arm.UC_ARM_REG_PSP,
    arm.UC_ARM_REG_PRIMASK, arm.UC_ARM_REG_BASEPRI, arm.UC_ARM_REG_FAULTMASK, arm.UC_ARM_REG_FPSCR,
    *(arm.UC_ARM_REG_S0 + index for index in range(32)),
    arm.UC_ARM_REG_EPSR, arm.UC_ARM_REG_IPSR, arm.UC_ARM_REG_APSR_NZCV, arm.UC_ARM_REG_XPSR_NZCVQG,
)  # fmt: skip
"""``Register`` of native/engine.h."""

_IN_PYTHON = 100
"""``kStopInPython`` of native/chip.h."""


class Ran(IntEnum):
    """Why `Chip.run` returned: ``Ran`` of native/chip.h."""

    TO_TIME = 0
    TO_CONDITION = 1
    TO_STOP = 2
    """`Core.stopped` says at what."""
    DECLINED = 3
    """The next round of the run loop is Python's."""


_RAN = tuple(Ran)


class PolledLoop(NamedTuple):
    """A loop that came round with nothing changed.

    Attributes:
        pc: Where it was seen to.
        goes_on: The core is still in it, and no event has come since.
        register: Address of the peripheral's register that it read last; None if it reads none.
        value: What it read there.
    """

    pc: int
    goes_on: bool
    register: int | None
    value: int


class Calls(NamedTuple):
    """What the chip asks of Python: ``Callable`` of native/chip_type.h. USARTs go by their index in `USARTS`."""

    read: BusRead
    write: BusWrite
    may_access: Callable[[int, int, bool], bool]
    line_timing: Callable[[int], tuple[int, int, int, int, bool, bool]]
    crossing: Callable[[int, bool, int], tuple[int, bool]]
    unusual: Callable[[int, int, int | None], None]
    """`Dma.say` of a controller, by its index in `DMAS`."""
    pins: Callable[[int], None]
    """`Gpio.changed` of a port, by its letter's index."""
    unmodelled: Callable[[int, int], None]
    """`Bus.tell_unmodelled` of a USART."""


class Chip:
    """The chip in C around one engine.

    Args:
        native: ``_blockhook.Chip``.

    Attributes:
        native: As given.
        access: The bus access under way.
    """

    def __init__(self, native: Any) -> None:
        self.native = native
        self.access: BusAccess = native

    def connect(self, engine: unicorn.Uc, windows: Sequence[tuple[int, int]]) -> Callable[[int, int], None]:
        """Hooks it into Unicorn, whose functions call it without Python in between.

        Returns:
            What hooks it for invalid accesses from one address to another, both included.
        """
        interrupt, invalid, itself, read, write = self.native.hooks()

        def add(kind: int, hook: int, begin: int, last: int) -> None:
            handle, place = ctypes.c_size_t(), (ctypes.c_uint64(begin), ctypes.c_uint64(last))
            addresses = ctypes.c_void_p(hook), ctypes.c_void_p(itself)
            check(uclib.uc_hook_add(engine._uch, ctypes.byref(handle), kind, *addresses, *place))

        add(unicorn.UC_HOOK_INTR, interrupt, 1, 0)
        for index, (base, size_bytes) in enumerate(windows):
            window = self.native.window(index)
            check(_mmio_map()(engine._uch.value, base, size_bytes, read, window, write, window))
            engine.mem_protect(base, size_bytes, unicorn.UC_PROT_NONE)
        return lambda begin, last: add(unicorn.UC_HOOK_MEM_INVALID, invalid, begin, last)

    def begin(self) -> None:
        """To be called before a run that is not `run`."""
        self.native.begin()

    def run(self, time_ps: int, condition: Callable[[], bool] | None) -> Ran:
        """Rounds of `Machine.run_until`, until one is Python's to do."""
        until = condition.until if isinstance(condition, Received) else -1
        ran: int = self.native.run(time_ps, condition, until)
        return _RAN[ran]

    def comes_first(self) -> bool:
        """Python has seen something that ends the run; whether nothing else has come before."""
        return bool(self.native.note_stop())

    def stopped(self) -> tuple[Stop | None, int]:
        """What was seen to end the last run, if it was not seen in Python, and Unicorn's status."""
        kind, address, status = self.native.stopped()
        return (Stop(StopKind(kind), address) if kind not in (0, _IN_PYTHON) else None), status

    def loop(self) -> PolledLoop | None:
        """That was skipped last, if one was."""
        if (found := self.native.loop()) is None:
            return None
        pc, goes_on, polls, address, value = found
        return PolledLoop(pc, goes_on, address if polls else None, value)

    def observe(self) -> None:
        """From now on each round is Python's."""
        self.native.observed = True

    def rights_changed(self, *, stale: bool) -> None:
        """The MPU was written, or (not ``stale``) is followed."""
        self.native.stale = stale
        self.native.forget_rights()

    def ask_each_access(self, asked: bool) -> None:
        """Whether an access that was allowed before may be refused now."""
        self.native.asks_each = asked

    def set_steady_pages(self, pages: Iterable[int]) -> None:
        """Pages of 1 KiB with peripherals that reading does not change, nor time without an event."""
        self.native.set_steady_pages(tuple(pages))

    def set_peripheral_pages(self, pages: Iterable[int]) -> None:
        """Pages of 1 KiB with peripherals."""
        self.native.set_peripheral_pages(tuple(pages))

    def set_unmodelled(self, masks: Mapping[int, int]) -> None:
        """By a USART's register the bits that have no effect here, whose writes are to be told."""
        self.native.set_unmodelled(tuple(masks.items()))

    def set_unwritable(self, pieces: Iterable[tuple[int, int]]) -> None:
        """From where up to where the MPU allows no stores to memories."""
        self.native.set_unwritable(tuple(pieces))


def _mmio_map() -> Any:
    """``uc_mmio_map`` for addresses of callbacks: the package declares it for callbacks in Python."""
    address = ctypes.c_void_p
    prototype = ctypes.CFUNCTYPE(
        ctypes.c_int, address, ctypes.c_uint64, ctypes.c_size_t, address, address, address, address
    )
    return prototype(address_of(uclib.uc_mmio_map))


def available(counter: object) -> bool:
    """Whether the extension was built, and ``counter`` is its own."""
    try:
        extension = importlib.import_module("renode_mnist.stm32f746._blockhook")
    except ImportError:
        return False
    return isinstance(counter, extension.BlockCounter)


def build(
    engine: unicorn.Uc, counter: object, hertz: int, places: Iterable[tuple[int, int, int]], calls: Calls
) -> Chip:
    """The chip in C.

    Args:
        engine: The core.
        counter: Counts its blocks, in C too.
        hertz: HCLK after reset.
        places: Memories: first address, first address behind it, where this process holds it.
        calls: What it asks of Python.
    """
    extension = importlib.import_module("renode_mnist.stm32f746._blockhook")
    writable = {memory.base for memory in memory_map.MEMORIES if memory.writable}
    bases = {place.name: place.base for place in memory_map.PERIPHERALS}
    functions = (uclib.uc_emu_start, uclib.uc_emu_stop, uclib.uc_reg_read_batch, uclib.uc_reg_write_batch)
    return Chip(
        extension.Chip(
            counter=counter,
            engine=engine._uch.value,
            functions=[(address_of(function),) for function in functions],
            registers=[(register,) for register in _REGISTERS],
            hertz=hertz,
            windows=[(base,) for base, _ in memory_map.WINDOWS],
            usarts=[(bases[name], *wiring.interrupts(name)) for name in wiring.USARTS],
            rams=[place for place in places if place[0] in writable],
            dmas=[(bases[name], *wiring.interrupts(name)) for name in wiring.DMAS],
            requests=_requests(),
            callables=tuple(calls),
        )
    )


def _requests() -> list[tuple[int, int, int, int]]:
    """Controller, stream, channel and the request that it listens to."""
    return [
        (wiring.DMAS.index(dma), stream, channel, wiring.REQUESTS.index(request))
        for (dma, stream, channel), asked in wiring.DMA_REQUESTS.items()
        for request in asked
    ]


class NumberSet(MutableSet[int]):
    """One of the sets of exceptions that the chip keeps."""

    def __init__(self, native: Any, index: int) -> None:
        self._native = native
        self._index = index

    def __contains__(self, number: object) -> bool:
        return bool(self._native.nvic_has(self._index, number))

    def __iter__(self) -> Iterator[int]:
        return iter(self._native.nvic_numbers(self._index))

    def __len__(self) -> int:
        return len(self._native.nvic_numbers(self._index))

    def add(self, number: int) -> None:
        """One more."""
        self._native.nvic_put(self._index, number, True)

    def discard(self, number: int) -> None:
        """One less."""
        self._native.nvic_put(self._index, number, False)
