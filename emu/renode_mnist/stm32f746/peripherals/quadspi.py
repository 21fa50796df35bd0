"""The QUADSPI controller with the board's flash (RM0385 14)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from renode_mnist.stm32f746 import memory_map
from renode_mnist.stm32f746.alarm import Alarm
from renode_mnist.stm32f746.clock import PICOSECONDS
from renode_mnist.stm32f746.external import ExternalMemory
from renode_mnist.stm32f746.nor_flash import READS, NorFlash
from renode_mnist.stm32f746.peripheral import Peripheral, field
from renode_mnist.stm32f746.slot import Slot

CR, DCR, SR, FCR, DLR, CCR, AR, ABR, DR, PSMKR, PSMAR, PIR = (4 * index for index in range(12))

_EN, _ABORT, _DMAEN, _TCIE, _FTIE, _SMIE, _APMS, _PMM = (1 << bit for bit in (0, 1, 2, 17, 18, 19, 22, 23))
TCF, FTF, SMF, BUSY = 1 << 1, 1 << 2, 1 << 3, 1 << 5
_ENABLES = {TCF: _TCIE, FTF: _FTIE, SMF: _SMIE}
_WRITES, _READS, _POLLS, _MAPPED = range(4)
_LINES = (0, 1, 2, 4)
"""By IMODE, ADMODE, ABMODE and DMODE."""
_FIFO_BYTES = 32
_NO_END = 0xFFFF_FFFF
_BASE, _WINDOW_BYTES = memory_map.EXTERNAL_WINDOWS[0]


class QuadSpi(Peripheral):
    """The controller: indirect and polling mode at the rate of its clock, memory-mapped mode as memory.

    Args:
        content: What the flash holds from its first byte on.
    """

    lacks = (
        "code that runs from its flash; timeouts; the time of memory-mapped accesses and of the flash's program and "
        "erase cycles"
    )
    steady = True
    takes_narrow_reads = True
    takes_narrow_writes = True
    unmodelled = MappingProxyType({CR: {"TCEN": 1 << 3, "DFM": 1 << 6, "FSEL": 1 << 7}})

    def __init__(self, content: bytes = b"") -> None:
        super().__init__("QUADSPI")
        self._content = content
        self._flash: NorFlash | None = None
        self._shown: ExternalMemory | None = None
        self._clear()

    def _clear(self) -> None:
        self._fifo = bytearray()
        self._left = 0
        """Bytes that have not gone over the bus."""
        self._busy = False
        self._armed = False
        """A transfer to the flash is set up, and begins with its first data (RM0385 14.3.4)."""
        self._flags = 0
        self._moving = b""
        """On their way out."""

    @property
    def flash(self) -> NorFlash:
        """The device, which is made when it is used first: it is large."""
        if self._flash is None:
            self._flash = NorFlash(self._content)
        return self._flash

    def connected(self, slot: Slot) -> None:
        """See `Peripheral.connected`."""
        super().connected(slot)
        self._step = Alarm(slot, "step")

    def reset(self) -> None:
        """See `Peripheral.reset`."""
        super().reset()
        self._step.cancel()
        self._hide()
        self._clear()
        self._update()

    def state(self) -> dict[str, Any]:
        """See `Peripheral.state`."""
        return {
            **super().state(),
            "fifo": (bytes(self._fifo), self._left, self._busy, self._armed, self._flags, self._moving),
            "step": self._step.state(),
            "mapped": self._shown is not None,
            "flash": self._flash.state() if self._flash is not None else None,
        }

    def take_state(self, state: Mapping[str, Any]) -> None:
        """See `Peripheral.take_state`."""
        super().take_state(state)
        fifo, self._left, self._busy, self._armed, self._flags, self._moving = state["fifo"]
        self._fifo = bytearray(fifo)
        self._step.take_state(state["step"])
        if state["flash"] is not None:
            self.flash.take_state(state["flash"])
        else:
            self._flash = None
        self._hide()
        if state["mapped"]:
            self._show()

    # Transfers

    def _mode(self) -> int:
        return field(self.registers[CCR], 26, 2)

    def _picoseconds(self, cycles: int) -> int:
        divider = field(self.registers[CR], 24, 8) + 1
        return max(1, cycles * divider * PICOSECONDS // max(1, self.slot.hertz))

    def _header_cycles(self) -> int:
        """Of instruction, address, alternate bytes and dummy cycles."""
        control = self.registers[CCR]
        cycles = field(control, 18, 5)
        for mode, size_bytes in (
            (8, 1),
            (10, field(control, 12, 2) + 1),
            (14, field(control, 16, 2) + 1),
        ):
            if lines := _LINES[field(control, mode, 2)]:
                cycles += 8 * size_bytes // lines
        return cycles

    def _data_cycles(self, count: int) -> int:
        lines = _LINES[field(self.registers[CCR], 24, 2)]
        return 8 * count // lines if lines else 0

    def _begin(self) -> None:
        """The instruction goes out, and with it all that needs no data from the program."""
        control = self.registers[CCR]
        address = self.registers[AR] if field(control, 10, 2) else 0
        instruction = field(control, 0, 8) if field(control, 8, 2) else 0
        if not self.flash.begin(instruction, address):
            self.slot.log.once(f"QUADSPI: the flash has no instruction {instruction:#04x}: it does nothing")
        self._busy = True
        has_data = bool(field(control, 24, 2))
        self._left = min(self.registers[DLR], _NO_END - 1) + 1 if has_data else 0
        if self._mode() == _WRITES and has_data:
            self._send(self._header_cycles())
        else:
            self._receive(self._header_cycles())

    def _receive(self, cycles: int) -> None:
        """As many bytes as there is room for; in polling mode all."""
        room = self._left if self._mode() == _POLLS else min(self._left, _FIFO_BYTES - len(self._fifo))
        self._step.after(self._picoseconds(cycles + self._data_cycles(room)))

    def _send(self, cycles: int = 0) -> None:
        """What the program has put into the FIFO; the clock stands while there is nothing."""
        if self._step.is_set or not (self._fifo or cycles):
            return
        self._moving = bytes(self._fifo[: self._left])
        self._fifo.clear()
        self._step.after(self._picoseconds(cycles + self._data_cycles(len(self._moving))))

    def due(self, what: str) -> None:
        """See `Peripheral.due`: a part of a transfer is over."""
        if not self._step.rings(what):
            return
        mode = self._mode()
        if mode == _POLLS:
            self._look()
        elif mode == _WRITES and self._left:
            for byte in self._moving:
                self.flash.write(byte)
            self._left -= len(self._moving)
            self._moving = b""
            if self._left:
                self._send()
            else:
                self._end()
        else:
            count = min(self._left, _FIFO_BYTES - len(self._fifo))
            self._fifo += bytes(self.flash.read() for _ in range(count))
            self._left -= count
            if not self._left:
                self._end()
        self._update()

    def _end(self) -> None:
        self.flash.end()
        self._flags |= TCF
        self._busy = False

    def _look(self) -> None:
        """Compares a status with what is waited for (RM0385 14.3.5)."""
        status = int.from_bytes(bytes(self.flash.read() for _ in range(min(self._left, 4))), "little")
        mask = self.registers[PSMKR]
        differing = (status ^ self.registers[PSMAR]) & mask
        matches = differing != mask if self.registers[CR] & _PMM else not differing
        if matches:
            self._flags |= SMF
            if self.registers[CR] & _APMS:
                self._busy = False
                self.flash.end()
                return
        control = self.registers[CCR]
        self.flash.begin(field(control, 0, 8), self.registers[AR])
        self._receive(self.registers[PIR] + self._header_cycles())

    def _show(self) -> None:
        size = min(_WINDOW_BYTES, 2 << field(self.registers[DCR], 16, 5), len(self.flash.data))
        data = self.flash.data if size == len(self.flash.data) else self.flash.data[:size]
        self._shown = ExternalMemory("the QUADSPI's flash", data, writable=False)
        self.slot.show_memory(self._shown, _BASE)

    def _hide(self) -> None:
        if self._shown is not None:
            self.slot.show_memory(self._shown, None)
            self._shown = None

    # Registers

    def _status(self) -> int:
        level, threshold = len(self._fifo), field(self.registers[CR], 8, 5) + 1
        if self._mode() == _WRITES:
            ready = (self._busy or self._armed) and _FIFO_BYTES - level >= threshold
        else:
            ready = level >= threshold or bool(level and not self._busy)
        return self._flags | (FTF if ready else 0) | (BUSY if self._busy else 0) | level << 8

    def _update(self) -> None:
        flags, control = self._status(), self.registers[CR]
        self.slot.set_interrupt(any(flags & flag and control & enable for flag, enable in _ENABLES.items()))
        self._ask()

    def _ask(self) -> None:
        """A controller moves a few items for each request: the FIFO asks anew as long as that helps."""
        level = -1
        while level != len(self._fifo):
            level = len(self._fifo)
            self.slot.ask_dma("", bool(self._status() & FTF and self.registers[CR] & _DMAEN))

    def peek(self, offset: int) -> int:
        """See `Peripheral.peek`."""
        return self._status() if offset == SR else super().peek(offset)

    def read(self, offset: int) -> int:
        """See `Peripheral.read`."""
        if offset == DR:
            return self.read_narrow(offset, 4)
        return self._status() if offset == SR else super().read(offset)

    def read_narrow(self, offset: int, size_bytes: int) -> int:
        """See `Peripheral.read_narrow`; DR gives as many bytes as the access is wide."""
        if offset & ~3 != DR:
            return field(self.read(offset & ~3), 8 * (offset & 3), 8 * size_bytes)
        value = int.from_bytes(self._fifo[:size_bytes], "little")
        if self._fifo:
            self.slot.moves()
            del self._fifo[:size_bytes]
            if self._left and self._busy and not self._step.is_set:
                self._receive(0)
            self._update()
        return value

    def write_narrow(self, offset: int, size_bytes: int, value: int) -> None:
        """See `Peripheral.write_narrow`."""
        if offset & ~3 == DR:
            self._put(value.to_bytes(size_bytes, "little"))
            return
        shift, mask = 8 * (offset & 3), (1 << 8 * size_bytes) - 1
        self.write(offset & ~3, self.registers[offset & ~3] & ~(mask << shift) | value << shift)

    def write(self, offset: int, value: int) -> None:
        """See `Peripheral.write`."""
        if offset == DR:
            self._put(value.to_bytes(4, "little"))
        elif offset == FCR:
            self._flags &= ~value
        elif offset == CR:
            self.registers[CR] = value & ~_ABORT
            if value & _ABORT:
                self._abort()
        elif offset != SR and not (self._busy and offset in (CCR, AR, DLR)):
            super().write(offset, value)
            if self.registers[CR] & _EN and offset in (CCR, AR):
                self._set(offset)
        self._update()

    def _abort(self) -> None:
        if self._busy or self._shown is not None:
            self._flags |= TCF
        self._step.cancel()
        self._hide()
        self._busy, self._armed, self._left = False, False, 0
        self._fifo.clear()

    def _set(self, offset: int) -> None:
        """CCR or AR was written: where nothing else is needed, that starts a transfer (RM0385 14.3.4)."""
        control, mode = self.registers[CCR], self._mode()
        if offset == CCR:
            self._hide()
            self._fifo.clear()
            self._armed = False
        if mode == _MAPPED:
            if field(control, 0, 8) not in READS:
                self.slot.log.once(
                    f"QUADSPI is memory-mapped with instruction {field(control, 0, 8):#04x}, which does not read"
                )
            elif offset == CCR:
                self._show()
            return
        if mode == _WRITES and field(control, 24, 2):
            self._armed = True
        elif bool(field(control, 10, 2)) == (offset == AR):
            self._begin()

    def _put(self, data: bytes) -> None:
        if self._armed:
            self._fifo += data
            self._armed = False
            self._begin()
            self._update()
            return
        if self._mode() != _WRITES or not self._busy or len(self._fifo) + len(data) > _FIFO_BYTES:
            self.slot.log.once("QUADSPI.DR was written while nothing takes it: what was written is lost")
            return
        self._fifo += data
        self._send()
        self._update()
