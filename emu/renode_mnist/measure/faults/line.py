"""The binary line with one fault on it, and the moment at which something else happens to the chip."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from renode_mnist.errors import TargetTimeout
from renode_mnist.measure.faults.fault import Fault, Place
from renode_mnist.stm32f746 import usart
from renode_mnist.stm32f746.clock import PICOSECONDS
from renode_mnist.stm32f746.machine import Halt, Machine
from renode_mnist.stm32f746.usart import Received, Usart
from renode_mnist.stream import Deadline

_CR1_RXNEIE = 1 << 5
_CR3_DMAR = 1 << 6
_OVERRUN_BYTES = 2
"""That come while nobody takes them: the second finds RDR full."""


class FaultyLine:
    """A ``ByteStream`` to a machine that stands between two requests.

    Args:
        machine: Runs while something is waited for.
        line: Its USART.
        fault: Of `Place.REQUEST` or `Place.REPLY`, to be put on it; another is not its business.
        timed: Whether it notes when replies come, which costs a call a byte.

    Attributes:
        sends: How many frames were handed to it.
        sent_bytes: That left this side, before the fault.
        received_bytes: That came, before the fault.
        first_reply_ps: When the first byte came; None before.
        last_reply_ps: When the last one did.
    """

    def __init__(self, machine: Machine, line: Usart, fault: Fault | None = None, *, timed: bool = False) -> None:
        self._machine = machine
        self._usart = line
        self._fault = fault
        self._received = Received()
        self._happens: tuple[int, Callable[[], None]] | None = None
        self.sends = self.sent_bytes = self.received_bytes = 0
        self.first_reply_ps: int | None = None
        self.last_reply_ps = 0
        on_reply = fault is not None and fault.place is Place.REPLY
        line.transmitted = self._take if timed or on_reply else self._received.append

    def at(self, time_ps: int, happens: Callable[[], None]) -> None:
        """Once the machine has come to ``time_ps``, between two blocks, ``happens`` is called."""
        self._happens = time_ps, happens

    def now(self) -> float:
        """Virtual seconds since power-on."""
        return self._machine.clock.now_seconds()

    def send(self, data: bytes) -> None:
        """See `ByteStream`."""
        self.sends += 1
        before, self.sent_bytes = self.sent_bytes, self.sent_bytes + len(data)
        fault = self._fault
        if fault is None or fault.place is not Place.REQUEST or not before <= fault.at < self.sent_bytes:
            self._usart.feed(data)
            return
        at = fault.at - before
        if fault.kind == "overrun":
            self._overrun(data, at)
        else:
            self._usart.feed(damaged(data, at, fault))

    def receive(self, deadline: Deadline) -> bytes:
        """See `ByteStream`."""
        return self._receive(deadline, -1)

    def receive_frame(self, deadline: Deadline) -> bytes:
        """See `FramedStream`."""
        return self._receive(deadline, 0)

    def _receive(self, deadline: Deadline, until: int) -> bytes:
        self._received.until = until
        limit_ps = round(deadline.at_seconds * PICOSECONDS)
        halt = self._run(limit_ps)
        if halt is not Halt.CONDITION and not self._received:
            raise TargetTimeout(f"No byte came within {deadline.allowed_seconds:g} s of virtual time")
        data = bytes(self._received)
        self._received.clear()
        return data

    def _run(self, limit_ps: int) -> Halt:
        if self._happens is not None and self._happens[0] <= limit_ps:
            time_ps, happens = self._happens
            halt = self._machine.run_until(time_ps, self._received)
            if halt is Halt.CONDITION:
                return halt
            self._happens = None
            happens()
        return self._machine.run_until(limit_ps, self._received)

    def _take(self, byte: int) -> None:
        now_ps = self._machine.clock.now_ps()
        self.first_reply_ps = now_ps if self.first_reply_ps is None else self.first_reply_ps
        self.last_reply_ps = now_ps
        place, self.received_bytes = self.received_bytes, self.received_bytes + 1
        fault = self._fault
        if fault is None or fault.place is not Place.REPLY:
            self._received.append(byte)
        elif fault.kind == "burst" and fault.at < place < fault.at + fault.length:
            self._received += damaged(bytes([byte]), 0, fault, place - fault.at)
        elif place == fault.at:
            self._received += damaged(bytes([byte]), 0, fault)
        else:
            self._received.append(byte)

    def _overrun(self, data: bytes, at: int) -> None:
        """Byte ``at`` comes while RDR is full: the controller of DMA, or the interrupt, is late by a byte."""
        at = max(at, _OVERRUN_BYTES - 1)
        first = at - _OVERRUN_BYTES + 1
        self._feed_through(data[:first])
        control = {register: self._usart.peek(register) for register in (usart.CR1, usart.CR3)}
        kept = {usart.CR1: control[usart.CR1] & _CR1_RXNEIE, usart.CR3: control[usart.CR3] & _CR3_DMAR}
        for register, bits in kept.items():
            self._usart.write(register, control[register] & ~bits)
        self._feed_through(data[first : at + 1])
        for register, bits in kept.items():
            self._usart.write(register, self._usart.peek(register) | bits)
        self._machine.parts.synchronise()
        self._usart.feed(data[at + 1 :])

    def _feed_through(self, data: bytes) -> None:
        self._usart.feed(data)
        end_ps = self._machine.clock.now_ps() + (len(data) + 1) * max(self._usart.frame_ps, 1)
        self._machine.run_until(end_ps, lambda: not self._usart.incoming)


def damaged(data: bytes, at: int, fault: Fault, turn: int = 0) -> bytes:
    """Bytes as they come off the line.

    Args:
        data: As they were sent.
        at: Which of them the fault is at.
        fault: Its kind and what it needs.
        turn: Of a burst, how many bytes of it came before ``data``.
    """
    before, byte, after = data[:at], data[at], data[at + 1 :]
    match fault.kind:
        case "flip":
            return before + bytes([byte ^ 1 << fault.bit]) + after
        case "drop":
            return before + after
        case "duplicate":
            return before + bytes([byte, byte]) + after
        case "burst":
            noise = np.random.default_rng(fault.salt).integers(1, 256, fault.length, dtype=np.uint8)[turn:]
            hit = data[at : at + fault.length]
            return before + bytes(a ^ int(b) for a, b in zip(hit, noise, strict=False)) + data[at + fault.length :]
    raise ValueError(f"no fault of a line: {fault.kind}")
