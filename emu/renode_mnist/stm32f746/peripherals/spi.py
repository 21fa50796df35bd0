"""SPI1 to SPI6 as masters (RM0385 32)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from renode_mnist.stm32f746.alarm import Alarm
from renode_mnist.stm32f746.clock import PICOSECONDS
from renode_mnist.stm32f746.devices import SpiDevice, byte_of, told
from renode_mnist.stm32f746.peripheral import Peripheral, field
from renode_mnist.stm32f746.slot import Slot

CR1, CR2, SR, DR, CRCPR, I2SCFGR, I2SPR = 0x00, 0x04, 0x08, 0x0C, 0x10, 0x1C, 0x20

_MSTR, _SPE, _SSI, _SSM, _RXONLY, _BIDIOE, _BIDIMODE = (1 << bit for bit in (2, 6, 8, 9, 10, 14, 15))
_RXDMAEN, _TXDMAEN, _ERRIE, _RXNEIE, _TXEIE, _FRXTH = (1 << bit for bit in (0, 1, 5, 6, 7, 12))
RXNE, TXE, MODF, OVR, BSY = 1 << 0, 1 << 1, 1 << 5, 1 << 6, 1 << 7

FIFO_BYTES = 4
_FEWEST_BITS = 4
_NOBODY = 0xFF
"""What is read where no device drives MISO, which is taken to be pulled up."""


class SelectedDevice:
    """A device and whether it is selected.

    Args:
        device: The device.
        select: The pin of its chip select; empty: the SPI's own switch.
    """

    def __init__(self, device: SpiDevice, select: str) -> None:
        self.device = device
        self.select = select
        self.selected = False

    def choose(self, selected: bool) -> None:
        """Tells it when that is new."""
        if selected == self.selected:
            return
        self.selected = selected
        with told(self.device, "select" if selected else "deselect"):
            (self.device.select if selected else self.device.deselect)()

    def exchange(self, byte: int) -> int:
        """Of the device, if it is selected."""
        if not self.selected:
            return _NOBODY
        with told(self.device, "exchange"):
            return byte_of(self.device, "exchange", self.device.exchange(byte))


class Spi(Peripheral):
    """One SPI, full duplex, receive-only or with one data line, frames of 4 to 16 bits, FIFOs of 32 bits.

    Args:
        name: As RM0385 calls it.
        devices: On its bus.

    Attributes:
        devices: As given.
    """

    lacks = "slave mode, CRC, I2S, TI frames, NSS by hardware, DMA of two frames at once with an odd count"
    steady = True
    takes_narrow_writes = True
    takes_narrow_reads = True
    unmodelled = MappingProxyType(
        {
            CR1: {"CRCEN": 1 << 13},
            CR2: {"FRF": 1 << 4, "LDMA_RX": 1 << 13, "LDMA_TX": 1 << 14},
            I2SCFGR: {"I2SMOD": 1 << 11},
        }
    )

    def __init__(self, name: str, devices: Sequence[SelectedDevice] = ()) -> None:
        super().__init__(name, {CR2: 0x0700, CRCPR: 7, I2SPR: 2})
        self.devices = devices
        self._empty()

    def _empty(self) -> None:
        self._to_send = bytearray()
        self._received = bytearray()
        self._shifting = -1
        self._flags = 0
        self._data_was_read = False
        """Since OVR was set: reading SR now clears it (RM0385 32.5.10)."""

    def connected(self, slot: Slot) -> None:
        """See `Peripheral.connected`."""
        super().connected(slot)
        self._frame = Alarm(slot, "frame")
        for each in self.devices:
            if each.select:
                slot.listen(f"{each.select} low", each.choose)
        slot.watch(each.select for each in self.devices if each.select)
        for each in self.devices:
            each.device.now_seconds = lambda: slot.now_ps / PICOSECONDS

    def reset(self) -> None:
        """See `Peripheral.reset`."""
        super().reset()
        self._frame.cancel()
        self._empty()
        for each in self.devices:
            each.choose(False)
            with told(each.device, "reset"):
                each.device.reset()
        self._update()

    def state(self) -> dict[str, Any]:
        """See `Peripheral.state`."""
        return {
            **super().state(),
            "fifos": (bytes(self._to_send), bytes(self._received), self._shifting, self._flags, self._data_was_read),
            "frame": self._frame.state(),
            "devices": [(each.selected, each.device.state()) for each in self.devices],
        }

    def take_state(self, state: Mapping[str, Any]) -> None:
        """See `Peripheral.take_state`."""
        super().take_state(state)
        to_send, received, self._shifting, self._flags, self._data_was_read = state["fifos"]
        self._to_send, self._received = bytearray(to_send), bytearray(received)
        self._frame.take_state(state["frame"])
        for each, (selected, inner) in zip(self.devices, state["devices"], strict=True):
            each.selected = selected
            each.device.take_state(inner)

    # Settings

    @property
    def _bits(self) -> int:
        size = field(self.registers[CR2], 8, 4) + 1
        return size if size >= _FEWEST_BITS else 8  # (RM0385 32.9.2, DS)

    @property
    def _frame_bytes(self) -> int:
        return 1 if self._bits <= 8 else 2

    @property
    def _only_receives(self) -> bool:
        control = self.registers[CR1]
        return not control & _BIDIOE if control & _BIDIMODE else bool(control & _RXONLY)

    @property
    def _only_sends(self) -> bool:
        return bool(self.registers[CR1] & _BIDIMODE and self.registers[CR1] & _BIDIOE)

    def _frame_ps(self) -> int:
        divider = 2 << field(self.registers[CR1], 3, 3)
        return self._bits * divider * PICOSECONDS // max(1, self.slot.hertz)

    # Frames

    def _start(self) -> None:
        """The next frame, if there is one and none is under way."""
        control = self.registers[CR1]
        if self._frame.is_set or control & (_SPE | _MSTR) != _SPE | _MSTR:
            return
        if self._only_receives:
            self._shifting = 0
        elif len(self._to_send) >= self._frame_bytes:
            self._shifting = int.from_bytes(self._to_send[: self._frame_bytes], "little")
            del self._to_send[: self._frame_bytes]
        else:
            return
        self._frame.after(self._frame_ps())

    def due(self, what: str) -> None:
        """See `Peripheral.due`: a frame is over."""
        if not self._frame.rings(what):
            return
        value, self._shifting = self._shifting, -1
        received = self._exchange(value)
        if not self._only_sends:
            if len(self._received) + self._frame_bytes > FIFO_BYTES:
                self._flags |= OVR
            else:
                self._received += received.to_bytes(self._frame_bytes, "little")
        self._start()
        self._update()

    def _exchange(self, value: int) -> int:
        received = 0
        mask = (1 << self._bits) - 1
        for byte in value.to_bytes(self._frame_bytes, "big"):
            answer = _NOBODY
            for each in self.devices:
                answer &= each.exchange(byte)
            received = received << 8 | answer
        return received & mask

    # Registers

    def _status(self) -> int:
        waiting, there = len(self._to_send), len(self._received)
        flags = self._flags | (TXE if waiting <= FIFO_BYTES // 2 else 0) | (BSY if self._frame.is_set else 0)
        flags |= BSY if waiting and self.registers[CR1] & _SPE else 0
        flags |= RXNE if there >= (1 if self.registers[CR2] & _FRXTH else 2) else 0
        return flags | min(there, 3) << 9 | min(waiting, 3) << 11

    def _update(self) -> None:
        """Interrupt and DMA requests follow the flags."""
        flags, control = self._status(), self.registers[CR2]
        active = (
            (flags & TXE and control & _TXEIE)
            or (flags & RXNE and control & _RXNEIE)
            or (flags & (OVR | MODF) and control & _ERRIE)
        )
        self.slot.set_interrupt(bool(active))
        self.slot.ask_dma("RX", bool(flags & RXNE and control & _RXDMAEN))
        flags, control = self._status(), self.registers[CR2]
        self.slot.ask_dma("TX", bool(flags & TXE and control & _TXDMAEN and self.registers[CR1] & _SPE))

    def read(self, offset: int) -> int:
        """See `Peripheral.read`."""
        if offset == DR:
            return self.read_narrow(offset, 2)
        if offset == SR:
            flags = self._status()
            if self._flags & OVR and self._data_was_read:
                self._flags &= ~OVR
                self._data_was_read = False
                self.slot.moves()
                self._update()
            return flags
        return super().read(offset)

    def read_narrow(self, offset: int, size_bytes: int) -> int:
        """See `Peripheral.read_narrow`; DR gives as many frames as the access is wide."""
        if offset & ~3 != DR:
            return field(self.read(offset & ~3), 8 * (offset & 3), 8 * size_bytes)
        count = max(self._frame_bytes, size_bytes)
        value = int.from_bytes(self._received[:count], "little")
        if self._received or self._flags & OVR:
            self._data_was_read = bool(self._flags & OVR)
            del self._received[:count]
            self.slot.moves()
            self._update()
        return value

    def peek(self, offset: int) -> int:
        """See `Peripheral.peek`."""
        return self._status() if offset == SR else super().peek(offset)

    def write_narrow(self, offset: int, size_bytes: int, value: int) -> None:
        """See `Peripheral.write_narrow`; to DR a byte is a frame, and a half-word two of up to 8 bits."""
        if offset & ~3 == DR:
            self._send(value, size_bytes)
            return
        shift, mask = 8 * (offset & 3), (1 << 8 * size_bytes) - 1
        self.write(offset & ~3, self.registers[offset & ~3] & ~(mask << shift) | value << shift)

    def write(self, offset: int, value: int) -> None:
        """See `Peripheral.write`."""
        if offset == DR:
            self._send(value & 0xFFFF, 2)
        elif offset == CR1:
            self._control(value)
        elif offset == CR2:
            self.registers[CR2] = value & 0x7FFF
            self._update()
        elif offset != SR:
            super().write(offset, value)

    def _send(self, value: int, size_bytes: int) -> None:
        count = max(self._frame_bytes, size_bytes)
        if len(self._to_send) + count <= FIFO_BYTES:
            self._to_send += value.to_bytes(count, "little")
        else:
            self.slot.log.once(f"{self.name}.DR was written while its FIFO is full: what was written is lost")
        self._start()
        self._update()

    def _control(self, value: int) -> None:
        before, self.registers[CR1] = self.registers[CR1], value & 0xFFFF
        if value & _MSTR and value & _SSM and not value & _SSI:
            self._flags |= MODF
            self.registers[CR1] &= ~(_SPE | _MSTR)
            self.slot.log.once(
                f"{self.name} is a master with NSS by software (SSM) low (SSI): mode fault, it is switched off "
                "(RM0385 32.5.11)"
            )
        else:
            self._flags &= ~MODF
        on = bool(self.registers[CR1] & _SPE)
        if on and not self.registers[CR1] & _MSTR:
            name = f"{self.name}.CR1.MSTR"
            self.slot.log.lacks(name, f"{name} is 0 while it is on: the slave mode of {self.name} is not modelled")
        if on != bool(before & _SPE):
            for each in self.devices:
                if not each.select:
                    each.choose(on)
        if not on:
            self._frame.cancel()
            self._to_send.clear()
            self._shifting = -1
        self._start()
        self._update()
