"""The flash controller: wait states, programming, erasing and option bytes (RM0385 3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Protocol

from renode_mnist.stm32f746 import memory_map
from renode_mnist.stm32f746.alarm import Alarm
from renode_mnist.stm32f746.log import EventLog
from renode_mnist.stm32f746.memory_map import KIB
from renode_mnist.stm32f746.peripheral import Peripheral, field
from renode_mnist.stm32f746.slot import MICROSECOND, Slot

ACR, KEYR, OPTKEYR, SR, CR, OPTCR, OPTCR1 = 0x00, 0x04, 0x08, 0x0C, 0x10, 0x14, 0x18

HERTZ_A_WAIT_STATE = 30_000_000
"""At 2.7 to 3.6 V (RM0385 table 5)."""

EOP, OPERR, WRPERR, PGAERR, PGPERR, ERSERR, BSY = (1 << bit for bit in (0, 1, 4, 5, 6, 7, 16))
_ERRORS = OPERR | WRPERR | PGAERR | PGPERR | ERSERR
_PG, _SER, _MER, _STRT, _EOPIE, _ERRIE, _LOCK = (1 << bit for bit in (0, 1, 2, 16, 24, 25, 31))
_CR_WRITABLE = 0x0300_037F
_OPTLOCK, _OPTSTRT = 1 << 0, 1 << 1
_KEYS = {
    KEYR: (0x4567_0123, 0xCDEF_89AB, CR, _LOCK),
    OPTKEYR: (0x0819_2A3B, 0x4C5D_6E7F, OPTCR, _OPTLOCK),
}
"""By register the two keys, and the bit of which register they clear (RM0385 3.7)."""
_FACTORY_OPTCR, _FACTORY_OPTCR1 = 0xC0FF_AAFC, 0x0040_0080

SECTORS = tuple(size * KIB for size in (32, 32, 32, 32, 128, 256, 256, 256))
"""Bytes of each (RM0385 table 3)."""
_PROGRAM_PS = 16 * MICROSECOND
_ERASE_MS = {32 * KIB: (400, 300, 250), 128 * KIB: (1200, 700, 550), 256 * KIB: (2000, 1300, 1000)}
_MASS_ERASE_MS = (16_000, 11_000, 8_000)
"""Typically, by PSIZE: x8, x16, x32 (DS10916, flash memory programming)."""


class _Memory(Protocol):
    """Where the memories' contents are."""

    def peek(self, address: int, size_bytes: int) -> bytes | None:
        """What is there."""
        ...

    def poke(self, address: int, data: bytes) -> None:
        """Puts data there."""
        ...


def sector_of(address: int) -> int:
    """The number of the sector that holds an address of the flash."""
    end = memory_map.FLASH.base
    for number, size in enumerate(SECTORS):
        end += size
        if address < end:
            return number
    raise ValueError(f"no flash at {address:#010x}")


def place_of(sector: int) -> tuple[int, int]:
    """A sector's first address, and its bytes."""
    return memory_map.FLASH.base + sum(SECTORS[:sector]), SECTORS[sector]


class FlashInterface(Peripheral):
    """The flash controller.

    Keys open CR and OPTCR, a wrong one closes them until a reset. While CR is locked a store to the flash is a fault
    here, which shows who makes it; once it is open, one that CR does not fit sets its flags and has no effect. An
    operation is done as it begins; BSY lasts as long as it takes.

    Args:
        log: Where a store that comes to nothing is told.
        memory: Holds the flash.
        on_change: Called when ACR was written.
        rights_changed: Called when stores are allowed from now on, or no more.
        code_changed: Called when the flash holds other code.
    """

    lacks = (
        "read protection, the bus error of a wrong key, the VPP that 64 bits at once need; the core is not held "
        "while it is busy"
    )
    steady = True

    def __init__(
        self,
        log: EventLog,
        memory: _Memory,
        on_change: Callable[[], None],
        rights_changed: Callable[[], None],
        code_changed: Callable[[], None],
    ) -> None:
        super().__init__("FLASH", {CR: _LOCK, OPTCR: _FACTORY_OPTCR | _OPTLOCK, OPTCR1: _FACTORY_OPTCR1})
        self._log = log
        self._memory = memory
        self._on_change = on_change
        self._rights_changed = rights_changed
        self._code_changed = code_changed
        self._begun: dict[int, bool] = {}
        self._options = (_FACTORY_OPTCR, _FACTORY_OPTCR1)
        self._repairs: list[tuple[int, bytes]] = []

    def connected(self, slot: Slot) -> None:
        """See `Peripheral.connected`."""
        super().connected(slot)
        self._end = Alarm(slot, "end")

    def reset(self) -> None:
        """See `Peripheral.reset`; option bytes are loaded."""
        was_open = self.is_open
        super().reset()
        self.registers[OPTCR], self.registers[OPTCR1] = self._options[0] | _OPTLOCK, self._options[1]
        self._begun = {}
        self._end.cancel()
        self.slot.set_interrupt(False)
        if was_open:
            self._rights_changed()

    def state(self) -> dict[str, Any]:
        """See `Peripheral.state`."""
        return {
            **super().state(),
            "begun": dict(self._begun),
            "options": self._options,
            "repairs": list(self._repairs),
            "end": self._end.state(),
        }

    def take_state(self, state: Mapping[str, Any]) -> None:
        """See `Peripheral.take_state`."""
        super().take_state(state)
        self._begun, self._options, self._repairs = dict(state["begun"]), state["options"], list(state["repairs"])
        self._end.take_state(state["end"])
        self._rights_changed()

    @property
    def is_open(self) -> bool:
        """Whether stores come to `store`: CR is not locked."""
        return not self.registers[CR] & _LOCK

    # Programming and erasing

    def store(self, address: int, size_bytes: int, value: int) -> None:
        """The core stores to the flash, which Unicorn then does too, whatever comes of it: see `settle`."""
        before = self._memory.peek(address, size_bytes)
        assert before is not None
        data = value.to_bytes(size_bytes, "little")
        error = self._refusal(address, size_bytes)
        if error:
            after = before
            self._log.once(
                f"a store to the flash at {address:#010x} has no effect: {_WORDS[error]} (FLASH.SR is {error:#x})"
            )
            self._fail(error)
        else:
            after = bytes(old & new for old, new in zip(before, data, strict=True))
            self._begin(_PROGRAM_PS)
            if any(byte != 0xFF for byte in before):
                self._code_changed()  # else nobody can have run what was there
        if after != data:
            self._repairs.append((address, after))
            self._code_changed()
        else:
            self._memory.poke(address, after)

    def settle(self) -> None:
        """To be called between runs: the flash holds what it should where the core's stores have come to less."""
        for address, data in self._repairs:
            self._memory.poke(address, data)
        self._repairs.clear()

    def _refusal(self, address: int, size_bytes: int) -> int:
        if not self.registers[CR] & _PG or self.registers[CR] & (_SER | _MER):
            return ERSERR
        if address % size_bytes:
            return PGAERR
        if size_bytes != min(4, 1 << field(self.registers[CR], 8, 2)):  # 64 bits come as two words
            return PGPERR
        return WRPERR if self._is_protected(sector_of(address)) else 0

    def _is_protected(self, sector: int) -> bool:
        return not self._options[0] >> 16 + sector & 1

    def _erase(self) -> None:
        control = self.registers[CR]
        width = min(field(control, 8, 2), 2)
        if control & _MER:
            chosen, milliseconds = list(range(len(SECTORS))), _MASS_ERASE_MS[width]
        else:
            chosen = [field(control, 3, 4)]
            if chosen[0] >= len(SECTORS) or not control & _SER or control & _PG:
                self._fail(ERSERR)
                if chosen[0] >= len(SECTORS):
                    self._log.once(
                        f"sector {chosen[0]} is not erased: the chip has sectors 0 to {len(SECTORS) - 1} "
                        f"(FLASH.SR is {self.registers[SR]:#x})"
                    )
                return
            milliseconds = _ERASE_MS[SECTORS[chosen[0]]][width]
        if any(map(self._is_protected, chosen)):
            self._fail(WRPERR)
            return
        for sector in chosen:
            begin, size = place_of(sector)
            self._memory.poke(begin, b"\xff" * size)
        self._code_changed()
        self.registers[CR] |= _STRT
        self._begin(1000 * milliseconds * MICROSECOND)

    def _begin(self, duration_ps: int) -> None:
        self.registers[SR] |= BSY
        self._end.after(duration_ps)

    def due(self, what: str) -> None:
        """See `Peripheral.due`: an operation has come to its end."""
        if self._end.rings(what):
            self.registers[SR] &= ~BSY
            self.registers[CR] &= ~_STRT
            self.registers[OPTCR] &= ~_OPTSTRT
            if self.registers[CR] & _EOPIE:  # else it stays as it is (RM0385 3.7.4)
                self.registers[SR] |= EOP
            self._drive()

    def _fail(self, error: int) -> None:
        self.registers[SR] |= error | (OPERR if self.registers[CR] & _ERRIE else 0)
        self._drive()

    def _drive(self) -> None:
        self.slot.set_interrupt(bool(self.registers[SR] & (EOP | OPERR)))

    # Registers

    def write(self, offset: int, value: int) -> None:
        """See `Peripheral.write`."""
        if offset in _KEYS:
            self._unlock(offset, value)
        elif offset == CR:
            self._control(value)
        elif offset in (OPTCR, OPTCR1):
            if not self.registers[OPTCR] & _OPTLOCK:
                super().write(offset, value & ~_OPTSTRT if offset == OPTCR else value)
                if offset == OPTCR and value & _OPTSTRT:
                    self._program_options()
        elif offset == SR:
            self.registers[SR] &= ~(value & (EOP | _ERRORS))
            self._drive()
        elif offset == ACR:
            super().write(offset, value)
            self._on_change()

    def _control(self, value: int) -> None:
        if not self.is_open or self.registers[SR] & BSY:
            return
        self.registers[CR] = value & (_CR_WRITABLE | _LOCK)
        if value & _LOCK:
            self._rights_changed()
        elif value & _STRT:
            self._erase()

    def _program_options(self) -> None:
        self._options = (self.registers[OPTCR] & ~(_OPTLOCK | _OPTSTRT), self.registers[OPTCR1])
        for address, value in option_bytes(*self._options).items():
            self._memory.poke(address, value.to_bytes(2, "little"))
        self.registers[OPTCR] |= _OPTSTRT
        self._begin(_PROGRAM_PS)

    def _unlock(self, offset: int, key: int) -> None:
        """A key (RM0385 3.5.1, 3.4.2)."""
        first, second, register, lock = _KEYS[offset]
        if offset not in self._begun:
            self._begun[offset] = key == first
            if key != first:
                self._tell_wrong_key(offset, key)
        elif self._begun[offset] and key == second:
            self.registers[register] &= ~lock
            del self._begun[offset]
            self._rights_changed()
        else:
            self._begun[offset] = False  # for good, until a reset
            self._tell_wrong_key(offset, key)

    def _tell_wrong_key(self, offset: int, key: int) -> None:
        name, what = ("KEYR", "CR") if offset == KEYR else ("OPTKEYR", "OPTCR")
        self._log.once(
            f"{key:#010x} is a wrong key for FLASH.{name}: FLASH.{what} is locked until a reset; silicon raises a "
            "bus error, too"
        )

    def read(self, offset: int) -> int:
        """See `Peripheral.read`."""
        return 0 if offset in _KEYS else super().read(offset)

    @property
    def accelerates(self) -> bool:
        """ARTEN: lines that came over the ITCM bus are kept."""
        return bool(self.registers[ACR] & 1 << 9)

    @property
    def prefetches(self) -> bool:
        """PRFTEN."""
        return bool(self.registers[ACR] & 1 << 8)

    @property
    def wait_states(self) -> int:
        """LATENCY."""
        return field(self.read(ACR), 0, 4)


_WORDS = MappingProxyType(
    {
        ERSERR: "CR has not PG alone",
        PGAERR: "it is not aligned",
        PGPERR: "PSIZE is for another width",
        WRPERR: "its sector is protected by the option bytes",
    }
)


def option_bytes(control: int, control1: int) -> dict[int, int]:
    """Half-words of the option bytes by their address, as OPTCR and OPTCR1 have them (RM0385 3.4.1)."""
    return {
        0x1FFF_0000: control & 0xFFFC | 0b11,
        0x1FFF_0008: control >> 16,
        0x1FFF_0010: control1 & 0xFFFF,
        0x1FFF_0018: control1 >> 16,
    }
