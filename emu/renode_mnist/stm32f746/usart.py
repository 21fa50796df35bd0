"""A USART in asynchronous mode, byte by byte at its baud rate in virtual time (RM0385 31)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from types import MappingProxyType

from renode_mnist.stm32f746.clock import PICOSECONDS, Event, Scheduler
from renode_mnist.stm32f746.log import EventLog
from renode_mnist.stm32f746.peripheral import Peripheral, field

CR1, CR2, CR3, BRR, RTOR, RQR, ISR, ICR, RDR, TDR = 0x00, 0x04, 0x08, 0x0C, 0x14, 0x18, 0x1C, 0x20, 0x24, 0x28

CR1_UE, CR1_RE, CR1_TE = 1 << 0, 1 << 2, 1 << 3
_CR1_PCE, _CR1_CMIE, _CR1_OVER8, _CR1_RTOIE = 1 << 10, 1 << 14, 1 << 15, 1 << 26
_CR2_RTOEN = 1 << 23
_CR3_EIE, _CR3_DMAR, _CR3_DMAT, _CR3_OVRDIS, _CR3_DDRE = 1 << 0, 1 << 6, 1 << 7, 1 << 12, 1 << 13
_RQR_RXFRQ, _RQR_TXFRQ = 1 << 3, 1 << 4

PE, FE, ORE, IDLE, RXNE, TC, TXE = 1 << 0, 1 << 1, 1 << 3, 1 << 4, 1 << 5, 1 << 6, 1 << 7
RTOF, CMF = 1 << 11, 1 << 17
_BUSY, _TEACK, _REACK = 1 << 16, 1 << 21, 1 << 22
_ISR_RESET = 0x0200_00C0
_ICR_CLEARS = 0x0002_0B5F & ~(RXNE | TXE)

BAUD_TOLERANCE = 0.035
"""Above this a frame of 10 bits is misread: half a bit less the uncertainty of sampling (RM0385 table 182)."""


_UNMODELLED = {
    CR1: {"MME": 1 << 13, "EOBIE": 1 << 27},
    CR2: {
        "LBDIE": 1 << 6, "CLKEN": 1 << 11, "LINEN": 1 << 14, "SWAP": 1 << 15, "RXINV": 1 << 16, "TXINV": 1 << 17,
        "DATAINV": 1 << 18, "MSBFIRST": 1 << 19, "ABREN": 1 << 20,
    },
    CR3: {"IREN": 1 << 1, "HDSEL": 1 << 3, "SCEN": 1 << 5, "RTSE": 1 << 8, "CTSE": 1 << 9, "DEM": 1 << 14},
    RQR: {"ABRRQ": 1 << 0, "SBKRQ": 1 << 1, "MMRQ": 1 << 2},
}  # fmt: skip
"""Bits that have an effect on silicon (RM0385 31.8); what only refines one of them is not told by itself."""

_RESET_VALUES = {ISR: _ISR_RESET}


class Received(bytearray):
    """Bytes that came over a line; as a condition of `Machine.run_until`: that enough of them have.

    Attributes:
        until: The byte that is waited for; -1: any.
    """

    until = -1

    def __call__(self) -> bool:
        """Whether enough have come."""
        return bool(self) and self.until in (-1, self[-1])


class Usart(Peripheral):
    """One USART with a line to the outside.

    A byte that arrives while RDR is full sets ORE and is lost; one that arrives while the receiver is off is lost
    without a trace. The other end of the line uses the frame format that is set here, but its own baud rate.

    Args:
        name: As RM0385 calls it.
        scheduler: For the time that frames take.
        log: Where a wrong baud rate is named.
        kernel_hertz: Tells the kernel clock.
        set_interrupt: Drives the interrupt line.
        line_baud: Rate of the other end; None follows the one set here.

    Attributes:
        line_baud: As given; may be changed at any time, from the next frame on.
        transmitted: Called with each byte that has left.
        request: Called while it asks a DMA controller for data to send, or (False) to take what it received.
    """

    lacks = (
        "break, inversion, bit order, flow control, automatic baud rate, mute mode, half duplex, synchronous, LIN, "
        "IrDA and smartcard modes; a receiver timeout that is changed counts from the next frame on"
    )
    unmodelled = MappingProxyType(_UNMODELLED)

    def __init__(
        self,
        name: str,
        scheduler: Scheduler,
        log: EventLog,
        kernel_hertz: Callable[[], int],
        set_interrupt: Callable[[bool], None],
        line_baud: int | None,
    ) -> None:
        super().__init__(name, _RESET_VALUES)
        self._scheduler = scheduler
        self._log = log
        self._kernel_hertz = kernel_hertz
        self._set_interrupt = set_interrupt
        self.line_baud = line_baud
        self._incoming: deque[int] = deque()
        self._arrival: Event | None = None
        self._idle: Event | None = None
        self._timeout: Event | None = None
        self._transmission: Event | None = None
        self._shifting: int | None = None
        self._waiting: int | None = None
        self.transmitted: Callable[[int], None] = lambda _byte: None
        self.request: Callable[[bool], None] = lambda _sends: None

    def reset(self) -> None:
        """Reset values; frames on the line are lost."""
        super().reset()
        for event in (self._arrival, self._idle, self._timeout, self._transmission):
            if event:
                event.cancel()
        self._incoming.clear()
        self._arrival = self._idle = self._timeout = self._transmission = None
        self._shifting = self._waiting = None
        self._set_interrupt(False)

    # The line

    @property
    def receiver_on(self) -> bool:
        """Whether a byte on the line would be received."""
        wanted = CR1_UE | CR1_RE
        return self.read(CR1) & wanted == wanted

    @property
    def incoming(self) -> int:
        """Bytes of `feed` that have not arrived yet."""
        return len(self._incoming)

    def feed(self, data: bytes) -> None:
        """The other end sends ``data``, one frame after the other."""
        self._incoming.extend(data)
        self._expect()

    @property
    def baud(self) -> float:
        """Set by BRR and the kernel clock (RM0385 31.5.4); 0 before BRR is written."""
        value = self.read(BRR)
        if self.read(CR1) & _CR1_OVER8:
            half_divider = value & 0xFFF0 | (value & 0b111) << 1
            return 2 * self._kernel_hertz() / half_divider if half_divider else 0.0
        return self._kernel_hertz() / value if value else 0.0

    @property
    def _data_bits(self) -> int:
        control = self.read(CR1)
        word = (8, 9, 7, 8)[field(control, 12, 1) | field(control, 28, 1) << 1]
        return word - (1 if control & _CR1_PCE else 0)

    @property
    def _frame_bits(self) -> float:
        stop = (1, 0.5, 2, 1.5)[field(self.read(CR2), 12, 2)]
        return 1 + self._data_bits + (1 if self.read(CR1) & _CR1_PCE else 0) + stop

    def _frame_ps(self, baud: float) -> int:
        return round(self._frame_bits * PICOSECONDS / baud)

    def _crossing(self, byte: int, sender_baud: float, receiver_baud: float) -> tuple[int, bool]:
        """(What is read of a frame at another baud rate, whether its stop bit was found)."""
        if abs(sender_baud / receiver_baud - 1) <= BAUD_TOLERANCE:
            return byte, True
        self._log.once(
            f"{self.name} runs at {self.baud:.0f} baud, the other end of its line at {self.line_baud}: garbled"
        )
        bits = [0, *(byte >> bit & 1 for bit in range(self._data_bits)), 1]
        middles = [int((bit + 0.5) * sender_baud / receiver_baud) for bit in range(len(bits))]
        sampled = [bits[at] if at < len(bits) else 1 for at in middles]
        return sum(bit << place for place, bit in enumerate(sampled[1:-1])), bool(sampled[-1])

    @property
    def sends(self) -> bool:
        """Whether a byte is on its way out, or waits for that in TDR; never while the transmitter is off."""
        wanted, control = CR1_UE | CR1_TE, self.peek(CR1)
        return control & wanted == wanted and not self.peek(ISR) & TC and bool(self.baud)

    @property
    def frame_ps(self) -> int:
        """What a frame takes at the rate set here; 0 before one is set."""
        return self._frame_ps(self.baud) if self.baud else 0

    # Receiver

    def _expect(self) -> None:
        if self._incoming and self._arrival is None:
            baud = self.line_baud or self.baud
            if baud:  # else the other end waits for a rate to follow
                self._arrival = self._scheduler.after(self._frame_ps(baud), self._arrive)
                if self._timeout:  # by the start bit
                    self._timeout.cancel()

    def _arrive(self) -> None:
        byte = self._incoming.popleft()
        self._arrival = None
        if self.receiver_on and self.baud:
            self._take(*self._crossing(byte, self.line_baud or self.baud, self.baud))
        self._expect()

    def _take(self, byte: int, stop_bit: bool) -> None:
        if self.registers[ISR] & RXNE and not self.read(CR3) & _CR3_OVRDIS:
            self.registers[ISR] |= ORE
        else:
            self.registers[RDR] = byte
            self.registers[ISR] |= RXNE if stop_bit or self._keeps_bad_frames else 0
            self.registers[ISR] |= 0 if stop_bit else FE
        if byte == field(self.read(CR2), 24, 8):
            self.registers[ISR] |= CMF
        if timeout_ps := self.timeout_ps:
            if self._timeout:
                self._timeout.cancel()
            self._timeout = self._scheduler.after(timeout_ps, self._times_out)
        if self._idle:
            self._idle.cancel()
        self._idle = self._scheduler.after(self._frame_ps(self.baud), self._becomes_idle)
        self._update()

    @property
    def _keeps_bad_frames(self) -> bool:
        """A frame with an error is not handed to DMA, which goes on with the next (RM0385 31.8.3, DDRE)."""
        control = self.read(CR3)
        return not control & _CR3_DMAR or bool(control & _CR3_DDRE)

    @property
    def timeout_ps(self) -> int:
        """How long the line may be silent behind a frame, by RTOR; 0 where that is not watched."""
        if not self.peek(CR2) & _CR2_RTOEN or not self.baud:
            return 0
        return round(max(1, field(self.peek(RTOR), 0, 24)) * PICOSECONDS / self.baud)

    def _times_out(self) -> None:
        if self.receiver_on and self.peek(CR2) & _CR2_RTOEN:
            self.registers[ISR] |= RTOF
            self._update()

    def _becomes_idle(self) -> None:
        self.registers[ISR] |= IDLE
        self._update()

    # Transmitter

    def _transmit(self, value: int) -> None:
        self.registers[ISR] &= ~TC
        self._waiting = value & ((1 << self._data_bits) - 1)
        self._shift()

    def _shift(self) -> None:
        wanted = CR1_UE | CR1_TE
        if self._shifting is not None or self._waiting is None:
            return
        if self.read(CR1) & wanted == wanted and self.baud:
            self._shifting, self._waiting = self._waiting, None
            self._transmission = self._scheduler.after(self._frame_ps(self.baud), self._shifted)

    def _shifted(self) -> None:
        assert self._shifting is not None
        byte, self._shifting = self._shifting, None
        if self.line_baud:
            byte, _ = self._crossing(byte, self.baud or self.line_baud, self.line_baud)
        self.transmitted(byte & 0xFF)
        self._shift()
        if self._shifting is None and self._waiting is None:
            self.registers[ISR] |= TC
        self._update()

    # Registers

    def _update(self) -> None:
        """TXE follows TDR; the interrupt line follows the flags (RM0385 table 188)."""
        flags = self.registers[ISR] & ~(TXE | _BUSY)
        flags |= TXE if self._waiting is None else 0
        flags |= _BUSY if self._arrival else 0
        self.registers[ISR] = flags
        control = self.read(CR1)
        active = (
            flags & control & (IDLE | TC | TXE)  # their enable bits stand in the same places
            or (flags & (RXNE | ORE) and control & RXNE)
            or (flags & PE and control & 1 << 8)
            or (flags & (FE | ORE) and self.read(CR3) & _CR3_EIE)
            or (flags & RTOF and control & _CR1_RTOIE)
            or (flags & CMF and control & _CR1_CMIE)
        )
        self._set_interrupt(bool(active))
        for sends in (False, True):
            if self.asks(sends):
                self.request(sends)

    def asks(self, sends: bool) -> bool:
        """Whether it asks a DMA controller for a transfer (RM0385 31.5.15)."""
        wanted = CR1_UE | (CR1_TE if sends else CR1_RE)
        flag, enable = (TXE, _CR3_DMAT) if sends else (RXNE, _CR3_DMAR)
        flags, control = self.registers[ISR], self.registers[CR1]
        return bool(flags & flag and self.registers[CR3] & enable and control & wanted == wanted)

    def read(self, offset: int) -> int:
        """See `Peripheral.read`."""
        value = super().read(offset)
        if offset == RDR:
            self.registers[ISR] &= ~RXNE
            self._update()
        elif offset in (TDR, RQR, ICR):
            return 0
        return value

    def write(self, offset: int, value: int) -> None:
        """See `Peripheral.write`."""
        if offset == TDR:
            self._transmit(value)
        elif offset == ICR:
            self.registers[ISR] &= ~(value & _ICR_CLEARS)
        elif offset == RQR:
            if value & _RQR_RXFRQ:
                self.registers[ISR] &= ~RXNE
            if value & _RQR_TXFRQ:
                self._waiting = None
        elif offset not in (ISR, RDR):
            super().write(offset, value)
            if offset == CR1:
                self._enable(value)
            self._expect()
        self._update()

    def _enable(self, control: int) -> None:
        flags = self.registers[ISR] & ~(_TEACK | _REACK)
        if control & CR1_UE:
            flags |= (_TEACK if control & CR1_TE else 0) | (_REACK if control & CR1_RE else 0)
        else:
            flags = _ISR_RESET  # (RM0385 31.8.1, UE)
            self._waiting = None
        self.registers[ISR] = flags
        self._shift()
