"""A DMA controller: eight streams that move data when a peripheral asks for it (RM0385 8)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from renode_mnist.stm32f746.log import EventLog
from renode_mnist.stm32f746.peripheral import Peripheral
from renode_mnist.stm32f746.peripheral import field as bits
from renode_mnist.stm32f746.wiring import DMA_REQUESTS, USARTS, Request

LISR, HISR, LIFCR, HIFCR, FIRST_STREAM, STREAM_BYTES = 0x00, 0x04, 0x08, 0x0C, 0x10, 0x18
CR, NDTR, PAR, M0AR, M1AR, FCR = 0x00, 0x04, 0x08, 0x0C, 0x10, 0x14
STREAMS = 8

EN, _CIRC, _PINC, _MINC, _PINCOS, _DBM, _CT = 1 << 0, 1 << 8, 1 << 9, 1 << 10, 1 << 15, 1 << 18, 1 << 19
_PFCTRL, _BURSTS = 1 << 5, 0b1111 << 21
_CR_WRITABLE = 0x0FEF_FFFF
_CR_WHILE_ENABLED = 0b11111
"""EN and the interrupts' enables; the other bits are protected then (RM0385 8.5.5)."""
_FCR_RESET, _FCR_WRITABLE, _FCR_WHILE_ENABLED = 0x21, 0x87, 0x80
_DMDIS, _FEIE = 1 << 2, 1 << 7
_FS_EMPTY = 0b100 << 3

FE, DME, TE, HT, TC = 1 << 0, 1 << 2, 1 << 3, 1 << 4, 1 << 5
_ALL_FLAGS = FE | DME | TE | HT | TC
_PLACES = (0, 6, 16, 22)
"""Of a stream's flags in LISR and HISR (RM0385 8.5.1)."""

PERIPHERAL_TO_MEMORY, MEMORY_TO_PERIPHERAL, MEMORY_TO_MEMORY = range(3)
_AT_ONCE = 4
"""Items at most for one request: a USART takes two, one to shift and one in TDR."""


class DmaBus(Protocol):
    """What a controller reaches."""

    def read(self, address: int, size_bytes: int) -> int | None:
        """What is there; None where nothing answers."""
        ...

    def write(self, address: int, size_bytes: int, value: int) -> bool:
        """Whether something answers."""
        ...


@dataclass
class _Stream:
    cr: int = 0
    ndtr: int = 0
    par: int = 0
    m0ar: int = 0
    m1ar: int = 0
    fcr: int = _FCR_RESET
    programmed: int = 0
    peripheral_at: int = 0
    memory_at: int = 0
    fifo: bytearray = field(default_factory=bytearray)
    busy: bool = False

    @property
    def direction(self) -> int:
        return bits(self.cr, 6, 2)

    @property
    def peripheral_bytes(self) -> int:
        return 1 << min(bits(self.cr, 11, 2), 2)

    @property
    def memory_bytes(self) -> int:
        """In direct mode as many as the peripheral's (RM0385 8.3.10)."""
        if self.direct:
            return self.peripheral_bytes
        return 1 << min(bits(self.cr, 13, 2), 2)

    @property
    def direct(self) -> bool:
        return not self.fcr & _DMDIS and self.direction != MEMORY_TO_MEMORY

    @property
    def comes_round(self) -> bool:
        return bool(self.cr & (_CIRC | _DBM)) and not self.cr & _PFCTRL and self.direction != MEMORY_TO_MEMORY

    def begin(self) -> None:
        """The pointers at the start of a pass."""
        self.peripheral_at = self.par
        self.memory_at = self.m1ar if self.cr & _DBM and self.cr & _CT else self.m0ar


def channels(name: str) -> dict[tuple[int, int], tuple[Request, ...]]:
    """Who asks by which stream and channel of a controller."""
    return {(stream, channel): asked for (dma, stream, channel), asked in DMA_REQUESTS.items() if dma == name}


class Dma(Peripheral):
    """DMA1 or DMA2.

    An item is moved at the moment that it is asked for, and takes no time: neither arbitration nor the bus costs
    any. What a FIFO holds back is only what does not fill an item of the memory's size.

    Args:
        name: As RM0385 calls it.
        log: Where what is not modelled is named, and what goes wrong.
        bus: What it reaches.
        is_clocked: Whether the RCC gives it a clock.
        set_interrupt: Drives a stream's interrupt line.
        asks: Whether a peripheral asks for a transfer now.

    Attributes:
        is_modelled: Whether the peripheral that a request is of is there to make it.
    """

    lacks = "bursts, a FIFO's threshold, flow control by the peripheral"

    steady = True

    def __init__(
        self,
        name: str,
        log: EventLog,
        bus: DmaBus,
        is_clocked: Callable[[], bool],
        set_interrupt: Callable[[int, bool], None],
        asks: Callable[[Request], bool],
    ) -> None:
        super().__init__(name)
        self._log = log
        self._bus = bus
        self._is_clocked = is_clocked
        self._set_interrupt = set_interrupt
        self._asks = asks
        self.is_modelled: Callable[[Request], bool] = lambda request: request.peripheral in USARTS
        self._requests = channels(name)
        self._streams_of: dict[Request, list[int]] = {}
        for (stream, _channel), asked in self._requests.items():
            for request in asked:
                self._streams_of.setdefault(request, []).append(stream)
        self._start_over()

    def _start_over(self) -> None:
        self._streams = [_Stream() for _ in range(STREAMS)]
        self._flags = [0] * STREAMS

    def reset(self) -> None:
        """Reset values; what is under way is dropped."""
        self._start_over()
        for stream in range(STREAMS):
            self._set_interrupt(stream, False)

    def state(self) -> dict[str, Any]:
        """See `Peripheral.state`; only the models in C are saved, which have it themselves."""
        return {}

    def take_state(self, state: Mapping[str, Any]) -> None:
        """See `Peripheral.take_state`."""

    # Requests

    def serve(self, request: Request) -> None:
        """A peripheral asks: the streams that listen to it transfer while it does."""
        for stream in self._streams_of.get(request, ()):
            if request in self._requests_of(stream):
                self._serve(stream, request)

    def _requests_of(self, stream: int) -> tuple[Request, ...]:
        return self._requests.get((stream, bits(self._streams[stream].cr, 25, 3)), ())

    def _serve(self, number: int, request: Request) -> None:
        stream = self._streams[number]
        if stream.busy or stream.direction == MEMORY_TO_MEMORY or not self._is_clocked():
            return
        stream.busy = True
        for _ in range(_AT_ONCE):
            if not (stream.cr & EN and stream.ndtr and self._asks(request)):
                break
            self._move(number)
        stream.busy = False

    # Transfers

    def _move(self, number: int) -> None:
        """One item of the peripheral's size."""
        stream = self._streams[number]
        if stream.direction == MEMORY_TO_PERIPHERAL:
            while len(stream.fifo) < stream.peripheral_bytes:
                if not self._take(number, stream.memory_at, stream.memory_bytes):
                    return
                stream.memory_at += stream.memory_bytes if stream.cr & _MINC else 0
            if not self._put(number, stream.peripheral_at, stream.peripheral_bytes):
                return
        else:
            if not self._take(number, stream.peripheral_at, stream.peripheral_bytes):
                return
            while len(stream.fifo) >= stream.memory_bytes:
                if not self._put(number, stream.memory_at, stream.memory_bytes):
                    return
                stream.memory_at += stream.memory_bytes if stream.cr & _MINC else 0
        if stream.cr & _PINC:
            stream.peripheral_at += 4 if stream.cr & _PINCOS else stream.peripheral_bytes
        self._count(number)

    def _take(self, number: int, address: int, size_bytes: int) -> bool:
        """Into the FIFO."""
        value = self._bus.read(address & 0xFFFF_FFFF, size_bytes)
        if value is None:
            self._fail(number, address)
            return False
        self._streams[number].fifo += value.to_bytes(4, "little")[:size_bytes]
        return True

    def _put(self, number: int, address: int, size_bytes: int) -> bool:
        """Out of it."""
        stream = self._streams[number]
        value = int.from_bytes(stream.fifo[:size_bytes], "little")
        del stream.fifo[:size_bytes]
        if self._bus.write(address & 0xFFFF_FFFF, size_bytes, value):
            return True
        self._fail(number, address)
        return False

    def _fail(self, number: int, address: int) -> None:
        self._streams[number].cr &= ~EN
        self._raise(number, TE)
        self.say(number, address & 0xFFFF_FFFF)

    def _count(self, number: int) -> None:
        stream = self._streams[number]
        if not stream.cr & EN:
            return  # it has stopped itself
        stream.ndtr -= 1
        flags = HT if stream.ndtr == stream.programmed // 2 else 0
        if not stream.ndtr:
            flags |= TC
            if stream.comes_round:
                stream.cr ^= _CT if stream.cr & _DBM else 0
                stream.ndtr = stream.programmed
                stream.begin()
            else:
                stream.cr &= ~EN
                self._empty(number)
        if flags:
            self._raise(number, flags)

    def _empty(self, number: int) -> None:
        """What is left in the FIFO goes to memory byte by byte (RM0385 8.3.11, flush)."""
        stream = self._streams[number]
        if stream.direction != MEMORY_TO_PERIPHERAL:
            while stream.fifo:
                if not self._put(number, stream.memory_at, 1):
                    break
                stream.memory_at += 1
        stream.fifo.clear()

    def _raise(self, number: int, flags: int) -> None:
        self._flags[number] |= flags
        self._drive(number)

    def _drive(self, number: int) -> None:
        stream, flags = self._streams[number], self._flags[number]
        enabled = (stream.cr & 0b11110) << 1  # DMEIE to TCIE: their flags stand one bit higher
        active = flags & enabled or (flags & FE and stream.fcr & _FEIE)
        self._set_interrupt(number, bool(active))

    # Registers

    def peek(self, offset: int) -> int:
        """See `Peripheral.peek`."""
        return self.read(offset)

    def read(self, offset: int) -> int:
        """See `Peripheral.read`."""
        if offset in (LISR, HISR):
            first = 0 if offset == LISR else 4
            return sum(self._flags[first + index] << place for index, place in enumerate(_PLACES))
        number, register = divmod(offset - FIRST_STREAM, STREAM_BYTES)
        if not 0 <= number < STREAMS:
            return 0
        stream = self._streams[number]
        values = (stream.cr, stream.ndtr, stream.par, stream.m0ar, stream.m1ar, stream.fcr | _FS_EMPTY)
        return values[register // 4]

    def write(self, offset: int, value: int) -> None:
        """See `Peripheral.write`."""
        if offset in (LIFCR, HIFCR):
            first = 0 if offset == LIFCR else 4
            for index, place in enumerate(_PLACES):
                self._flags[first + index] &= ~(value >> place & _ALL_FLAGS)
                self._drive(first + index)
            return
        number, register = divmod(offset - FIRST_STREAM, STREAM_BYTES)
        if not 0 <= number < STREAMS:
            return
        stream = self._streams[number]
        enabled, second = stream.cr & EN, stream.cr & _CT
        if register == CR:
            self._control(number, value & _CR_WRITABLE)
        elif register == FCR:
            writable = _FCR_WHILE_ENABLED if enabled else _FCR_WRITABLE
            stream.fcr = stream.fcr & ~writable | value & writable
        elif register == M0AR and (not enabled or second):
            stream.m0ar = value
        elif register == M1AR and not (enabled and second):
            stream.m1ar = value
        elif register == NDTR and not enabled:
            stream.ndtr = stream.programmed = value & 0xFFFF
        elif register == PAR and not enabled:
            stream.par = value
        self._drive(number)

    def _control(self, number: int, value: int) -> None:
        stream = self._streams[number]
        if stream.cr & EN:
            stream.cr = stream.cr & ~_CR_WHILE_ENABLED | value & _CR_WHILE_ENABLED
            if not value & EN:
                self._empty(number)
                self._flags[number] |= TC  # (RM0385 8.3.14)
            return
        stream.cr = value
        if value & EN:
            self._start(number)

    def _start(self, number: int) -> None:
        stream = self._streams[number]
        if self._is_unusual(number):
            self.say(number, None)
        stream.ndtr = stream.ndtr or stream.programmed  # (RM0385 8.5.6)
        stream.fifo.clear()
        stream.begin()
        if stream.direction == MEMORY_TO_MEMORY:
            if self.name == "DMA2":
                while stream.cr & EN and stream.ndtr:
                    self._move(number)
            return
        for request in self._requests_of(number):
            self._serve(number, request)

    # What is worth a line

    def _is_unusual(self, number: int) -> bool:
        """Whether `say` may have something to say."""
        stream = self._streams[number]
        return bool(
            stream.cr & (_PFCTRL | _BURSTS)
            or self._flags[number]
            or not stream.direct
            or not any(request.peripheral in USARTS for request in self._requests_of(number))
        )

    def say(self, number: int, address: int | None) -> None:
        """Something about a stream is worth a line in the log.

        Args:
            number: The stream.
            address: Where nothing answered; None: its settings, as it is switched on, are to be looked at.
        """
        if address is not None:
            self._log.add(f"{self.name} stream {number}: transfer error, nothing answers at {address:#010x}")
            return
        for remark in self._remarks(number):
            self._log.once(f"{self.name} stream {number} {remark}")

    def _remarks(self, number: int) -> list[str]:
        base = FIRST_STREAM + STREAM_BYTES * number
        control, to_memory = self.read(base + CR), bits(self.read(base + CR), 6, 2) == MEMORY_TO_MEMORY
        channel = bits(control, 25, 3)
        flags = self.read(LISR if number < 4 else HISR) >> _PLACES[number % 4] & _ALL_FLAGS
        said = []
        if flags:
            said.append("is switched on with flags of its last transfer set: RM0385 8.3.18 wants them cleared first")
        if control & _PFCTRL:
            said.append("has its peripheral control the flow (PFCTRL), which is not modelled: NDTR does")
        if control & _BURSTS:
            said.append("is to move bursts, which are not modelled: it moves single items")
        if to_memory and self.name != "DMA2":
            said.append("is to move from memory to memory, which only DMA2 can: it moves nothing (RM0385 8.3.6)")
        elif not to_memory and not any(map(self.is_modelled, self._requests.get((number, channel), ()))):
            said.append(f"waits for channel {channel}, which no modelled peripheral asks by: it moves nothing")
        elif self.read(base + FCR) & _DMDIS or to_memory:
            said.append("has a FIFO, whose threshold is not modelled: it passes on what it gets at once")
        return said
