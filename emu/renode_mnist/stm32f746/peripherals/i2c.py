"""I2C1 to I2C4 as masters (RM0385 30)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from renode_mnist.stm32f746.alarm import Alarm
from renode_mnist.stm32f746.clock import PICOSECONDS
from renode_mnist.stm32f746.devices import I2cDevice, byte_of, told
from renode_mnist.stm32f746.peripheral import Peripheral, field
from renode_mnist.stm32f746.slot import Slot

CR1, CR2, TIMINGR, TIMEOUTR, ISR, ICR, RXDR, TXDR = (
    0x00, 0x04, 0x10, 0x14, 0x18, 0x1C, 0x24, 0x28,
)  # fmt: skip

_PE, _TXIE, _RXIE, _NACKIE, _STOPIE, _TCIE, _TXDMAEN, _RXDMAEN = (1 << bit for bit in (0, 1, 2, 4, 5, 6, 14, 15))
_RD_WRN, _ADD10, _START, _STOP, _RELOAD, _AUTOEND = (1 << bit for bit in (10, 11, 13, 14, 24, 25))
TXE, TXIS, RXNE, NACKF, STOPF, TC, TCR, BUSY = (1 << bit for bit in (0, 1, 2, 4, 5, 6, 7, 15))
_ENABLES = {TXIS: _TXIE, RXNE: _RXIE, NACKF: _NACKIE, STOPF: _STOPIE, TC | TCR: _TCIE}
_ICR_CLEARS = NACKF | STOPF

_BITS_A_BYTE = 9
"""With the acknowledge bit."""
_ADDRESS, _BYTE, _ENDING = "address", "byte", "stop"


class I2c(Peripheral):
    """One I2C.

    Args:
        name: As RM0385 calls it.
        devices: On its bus, by address.

    Attributes:
        devices: As given.
    """

    lacks = "slave mode, SMBus with PEC and timeouts, bus errors, arbitration"
    steady = True
    unmodelled = MappingProxyType(
        {
            CR1: {
                "ADDRIE": 1 << 3,
                "SBC": 1 << 16,
                "SMBHEN": 1 << 20,
                "SMBDEN": 1 << 21,
                "ALERTEN": 1 << 22,
                "PECEN": 1 << 23,
            },
            CR2: {"PECBYTE": 1 << 26},
            TIMEOUTR: {"TIMOUTEN": 1 << 15, "TEXTEN": 1 << 31},
        }
    )

    def __init__(self, name: str, devices: Mapping[int, I2cDevice] = MappingProxyType({})) -> None:
        super().__init__(name, {ISR: TXE})
        self.devices = devices
        self._idle()

    def _idle(self) -> None:
        self._phase = ""
        """What is on the bus now; empty while the clock is held or there is no transfer."""
        self._address = -1
        """Of the device that has acknowledged; -1: none."""
        self._reading = False
        self._left = 0
        """Bytes of NBYTES that have not gone over the bus."""
        self._shifting = -1
        """The byte on its way out."""
        self._waiting = -1
        """That in TXDR."""
        self._held = -1
        """One that has come while RXDR is full, with the clock held."""

    def connected(self, slot: Slot) -> None:
        """See `Peripheral.connected`."""
        super().connected(slot)
        self._alarm = Alarm(slot, "bus")
        for device in self.devices.values():
            device.now_seconds = lambda: slot.now_ps / PICOSECONDS

    def reset(self) -> None:
        """See `Peripheral.reset`."""
        super().reset()
        self._alarm.cancel()
        self._idle()
        for device in self.devices.values():
            with told(device, "reset"):
                device.reset()
        self._update()

    def state(self) -> dict[str, Any]:
        """See `Peripheral.state`."""
        return {
            **super().state(),
            "bus": (self._phase, self._address, self._reading, self._left),
            "bytes": (self._shifting, self._waiting, self._held),
            "alarm": self._alarm.state(),
            "devices": {address: device.state() for address, device in self.devices.items()},
        }

    def take_state(self, state: Mapping[str, Any]) -> None:
        """See `Peripheral.take_state`."""
        super().take_state(state)
        self._phase, self._address, self._reading, self._left = state["bus"]
        self._shifting, self._waiting, self._held = state["bytes"]
        self._alarm.take_state(state["alarm"])
        for address, device in self.devices.items():
            device.take_state(state["devices"][address])

    # The bus

    def _bit_ps(self) -> int:
        """Low and high period of SCL by TIMINGR (RM0385 30.4.8)."""
        timing = self.registers[TIMINGR]
        cycles = (field(timing, 28, 4) + 1) * (field(timing, 0, 8) + 1 + field(timing, 8, 8) + 1)
        return cycles * PICOSECONDS // max(1, self.slot.hertz)

    def _begin(self, phase: str, bits: int) -> None:
        self._phase = phase
        self._alarm.after(bits * self._bit_ps())

    def due(self, what: str) -> None:
        """See `Peripheral.due`: the address, a byte or the stop condition has gone over the bus."""
        if not self._alarm.rings(what):
            return
        phase, self._phase = self._phase, ""
        if phase == _ADDRESS:
            self._addressed()
        elif phase == _BYTE:
            self._byte_done()
        else:
            self._stopped()
        self._update()

    def _addressed(self) -> None:
        control = self.registers[CR2]
        self.registers[CR2] &= ~_START
        self._reading = bool(control & _RD_WRN)
        self._left = field(control, 16, 8)
        address = field(control, 0, 10) if control & _ADD10 else field(control, 1, 7)
        device = self.devices.get(address)
        acknowledges = False
        if device is not None:
            with told(device, "start"):
                acknowledges = bool(device.start(self._reading))
        self._address = address if acknowledges else -1
        if acknowledges:
            self._go_on()
        else:
            self._not_acknowledged()

    def _not_acknowledged(self) -> None:
        """A stop follows by itself (RM0385 30.4.8)."""
        self.registers[ISR] = self.registers[ISR] & ~TXIS | NACKF
        self._begin(_ENDING, 1)

    def _go_on(self) -> None:
        """The next byte, or what comes behind the last; the clock is held where the program has to act first."""
        if self._phase or self._alarm.is_set:
            return
        if self.registers[CR2] & _STOP and self._shifting < 0 and self._held < 0:
            self._begin(_ENDING, 1)
        elif not self._left:
            self._all_bytes_done()
        elif self._reading:
            if self._held < 0:
                self._begin(_BYTE, _BITS_A_BYTE)
        elif self._waiting >= 0:
            self._shifting, self._waiting = self._waiting, -1
            self.registers[ISR] |= TXE
            if self._left > 1:
                self.registers[ISR] |= TXIS
            self._begin(_BYTE, _BITS_A_BYTE)
        else:
            self.registers[ISR] |= TXIS

    def _all_bytes_done(self) -> None:
        control = self.registers[CR2]
        if control & _RELOAD:
            self.registers[ISR] |= TCR
        elif control & _AUTOEND:
            self._begin(_ENDING, 1)
        else:
            self.registers[ISR] |= TC

    def _byte_done(self) -> None:
        device = self.devices[self._address]
        self._left -= 1
        if self._reading:
            with told(device, "read"):
                self._arrived(byte_of(device, "read", device.read()))
        else:
            byte, self._shifting = self._shifting, -1
            with told(device, "write"):
                acknowledges = bool(device.write(byte))
            if not acknowledges:
                self._not_acknowledged()
                return
        self._go_on()

    def _arrived(self, byte: int) -> None:
        if self.registers[ISR] & RXNE:
            self._held = byte
        else:
            self.registers[RXDR] = byte
            self.registers[ISR] |= RXNE

    def _stopped(self) -> None:
        if self._address >= 0:
            device = self.devices[self._address]
            with told(device, "stop"):
                device.stop()
        self._address = self._shifting = self._waiting = -1
        self.registers[CR2] &= ~(_STOP | _START)
        self.registers[ISR] = self.registers[ISR] & ~(BUSY | TC | TCR | TXIS) | STOPF | TXE

    # Registers

    def _update(self) -> None:
        """Interrupt and DMA requests follow the flags."""
        flags, control = self.registers[ISR], self.registers[CR1]
        self.slot.set_interrupt(any(flags & flag and control & enable for flag, enable in _ENABLES.items()))
        self.slot.ask_dma("RX", bool(flags & RXNE and control & _RXDMAEN))
        self.slot.ask_dma("TX", bool(self.registers[ISR] & TXIS and control & _TXDMAEN))

    def read(self, offset: int) -> int:
        """See `Peripheral.read`."""
        if offset != RXDR:
            return 0 if offset in (ICR, TXDR) else super().read(offset)
        value = self.registers[RXDR]
        if self.registers[ISR] & RXNE:
            self.slot.moves()
            self.registers[ISR] &= ~RXNE
            if self._held >= 0:
                self._arrived(self._held)
                self._held = -1
            if self._address >= 0 and self._reading and not self.registers[ISR] & (TC | TCR):
                self._go_on()
            self._update()
        return value

    def write(self, offset: int, value: int) -> None:
        """See `Peripheral.write`."""
        if offset == CR1:
            self.registers[CR1] = value
            if not value & _PE:  # (RM0385 30.4.6)
                self._alarm.cancel()
                self._idle()
                self.registers[ISR] = TXE
                self.registers[CR2] &= ~(_START | _STOP)
        elif offset == CR2:
            self._control(value)
        elif offset == ISR:
            if value & TXE:
                self._waiting = -1
                self.registers[ISR] |= TXE
        elif offset == ICR:
            self.registers[ISR] &= ~(value & _ICR_CLEARS)
        elif offset == TXDR:
            self._waiting = value & 0xFF
            self.registers[ISR] &= ~(TXE | TXIS)
            if self._address >= 0 and not self._reading and not self.registers[ISR] & (TC | TCR):
                self._go_on()
        elif offset != RXDR:
            super().write(offset, value)
        self._update()

    def _control(self, value: int) -> None:
        before = self.registers[CR2]
        self.registers[CR2] = value | before & _START  # set by software, cleared by hardware
        if not self.registers[CR1] & _PE:
            self.registers[CR2] &= ~(_START | _STOP)
            return
        flags = self.registers[ISR]
        if value & _START and not before & _START and (not flags & BUSY or flags & TC):
            self.registers[ISR] = flags & ~(TC | TCR) | BUSY
            self._begin(_ADDRESS, 1 + _BITS_A_BYTE * (2 if value & _ADD10 else 1))
        elif value & _STOP and flags & BUSY:
            self.registers[ISR] &= ~(TC | TCR)
            self._go_on()
        elif flags & TCR and field(value, 16, 8):
            self.registers[ISR] &= ~TCR
            self._left = field(value, 16, 8)
            self._go_on()
