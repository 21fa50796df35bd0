"""The real-time clock with its alarms, wakeup timer and backup registers (RM0385 30)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from renode_mnist.stm32f746.peripheral import Peripheral, field
from renode_mnist.stm32f746.peripherals.kernel_clock import KernelClock
from renode_mnist.stm32f746.peripherals.rtc_calendar import (
    Alarm,
    Moment,
    date_register,
    moment_of,
    time_register,
)

TR, DR, CR, ISR, PRER, WUTR, _, ALRMAR, ALRMBR, WPR, SSR, SHIFTR = range(0x00, 0x30, 4)
CALR, TAMPCR, ALRMASSR, ALRMBSSR, OR, BKP0R = 0x3C, 0x40, 0x44, 0x48, 0x4C, 0x50
_BEHIND_BACKUP = 0xD0

_WUTE, _WUTIE, _BYPSHAD, _FMT, _ADD1H, _SUB1H = 1 << 10, 1 << 14, 1 << 5, 1 << 6, 1 << 16, 1 << 17
_WUTWF, _INITS, _RSF, _INITF, _INIT, _WUTF = 1 << 2, 1 << 4, 1 << 5, 1 << 6, 1 << 7, 1 << 10
_CLEARED_BY_0 = 0x7F20
"""Flags of ISR; the others are made as it is read."""
_KEYS = (0xCA, 0x53)
_WRITABLE = {
    CR: 0xFC_FF7F,
    PRER: 0x7F_7FFF,
    WUTR: 0xFFFF,
    ALRMAR: 0xFFFF_FFFF,
    ALRMBR: 0xFFFF_FFFF,
    CALR: 0xE1FF,
    ALRMASSR: 0x0F00_7FFF,
    ALRMBSSR: 0x0F00_7FFF,
}
_RESET = {DR: 0x2101, PRER: 0x7F_00FF, WUTR: 0xFFFF}
_SYNCHRONISED_EDGES = 2
"""Of RTCCLK, until it has entered the initialisation or copied its shadow registers (RM0385 30.3.7, 30.3.8)."""
_ALARMS = (("A", ALRMAR, ALRMASSR, 0), ("B", ALRMBR, ALRMBSSR, 1))
"""Names, registers, and what is added to the number of its bits: ALRAE 8 and ALRAIE 12 of CR, ALRAF 8 of ISR."""

_INITIALISES, _COPIES, _WAKES = "initialises", "copies", "wakes"
_TICK, _SECOND = "tick", "second"
"""That was read changes then."""


class Rtc(Peripheral):
    """The RTC: a calendar as a function of its clock, in the backup domain that resets of the chip leave alone.

    Shadow registers hold what the calendar has when they are read; RSF says when they do after a write.
    """

    steady = True
    lacks = "time stamps, tamper pins, calibration, outputs, a reference clock"

    def __init__(self) -> None:
        super().__init__("RTC", _RESET)
        self._clock = KernelClock()
        self._start()

    def _start(self) -> None:
        self._base = moment_of(0, _RESET[DR], twelve_hours=False)
        self._base_edge = 0
        self._base_ticks = 0
        self._wake_edge = 0
        self._keys = 0
        self._copy_edge = self._initialise_edge = _SYNCHRONISED_EDGES
        self._latched: tuple[int, int] | None = None

    def reset(self) -> None:
        """A system reset: the calendar goes on (RM0385 30.6.4)."""
        self.registers[ISR] &= ~(_RSF | _INIT | _INITF)
        self._copy_soon()
        self._interrupt()
        self._plan()

    def reset_backup(self) -> None:
        """A reset of the backup domain."""
        super().reset()
        self._start()
        self._base_edge = self._now()
        self._copy_soon()
        self._interrupt()
        self._plan()

    def state(self) -> dict[str, Any]:
        """See `Peripheral.state`."""
        return {
            **super().state(),
            "clock": self._clock.state(),
            "base": (*self._base, self._base_edge, self._base_ticks),
            "other": (self._wake_edge, self._keys, self._copy_edge, self._initialise_edge, self._latched),
        }

    def take_state(self, state: Mapping[str, Any]) -> None:
        """See `Peripheral.take_state`."""
        super().take_state(state)
        self._clock.take_state(state["clock"])
        second, weekday, self._base_edge, self._base_ticks = state["base"]
        self._base = Moment(second, weekday)
        self._wake_edge, self._keys, self._copy_edge, self._initialise_edge, self._latched = state["other"]

    # Time

    def clock_changed(self) -> None:
        """See `Peripheral.clock_changed`."""
        if self._clock.changes(self.slot.now_ps, self.slot.hertz):
            self._plan()

    def _now(self) -> int:
        return self._clock.edges(self.slot.now_ps)

    @property
    def _edges_a_tick(self) -> int:
        return field(self.registers[PRER], 16, 7) + 1

    @property
    def _ticks_a_second(self) -> int:
        return field(self.registers[PRER], 0, 15) + 1

    def _ticks(self) -> int:
        """Since the base's second began."""
        return self._base_ticks + (self._now() - self._base_edge) // self._edges_a_tick

    def _moment(self) -> tuple[Moment, int]:
        """The calendar's second, and ticks since that began."""
        seconds, ticks = divmod(self._ticks(), self._ticks_a_second)
        return self._base.later(seconds), ticks

    @property
    def _twelve_hours(self) -> bool:
        return bool(self.registers[CR] & _FMT)

    def _settle(self) -> None:
        """The calendar is told from now on, before it or its prescalers change."""
        edges = (self._now() - self._base_edge) % self._edges_a_tick
        self._base, self._base_ticks = self._moment()
        self._base_edge = self._now() - edges

    def _plan(self) -> None:
        """When flags that are clear are to be set."""
        registers, stopped = self.registers, bool(self.registers[ISR] & _INITF)
        now = self._now()
        for alarm, compared, fraction, more in _ALARMS:
            edge = None
            if registers[CR] >> 8 + more & 1 and not registers[ISR] >> 8 + more & 1 and not stopped:
                edge = self._alarm_edge(Alarm(registers[compared], registers[fraction], self._twelve_hours))
            self.slot.plan(alarm, None if edge is None else self._clock.time_ps(edge))
        copies, begins = not registers[ISR] & _RSF, registers[ISR] & (_INIT | _INITF) == _INIT
        self.slot.plan(_COPIES, self._clock.time_ps(self._copy_edge) if copies else None)
        self.slot.plan(_INITIALISES, self._clock.time_ps(self._initialise_edge) if begins else None)
        wakes = registers[CR] & _WUTE and not registers[ISR] & _WUTF
        rounds = (now - self._wake_edge) // self._wake_period + 1
        at = self._clock.time_ps(self._wake_edge + rounds * self._wake_period) if wakes else None
        self.slot.plan(_WAKES, at)

    def _alarm_edge(self, alarm: Alarm) -> int | None:
        """Of RTCCLK, at which it comes next."""
        a_second = self._ticks_a_second
        ahead, tick = divmod(self._ticks() + 1, a_second)
        for _ in range(2):  # in the second under way it may be over
            seconds = alarm.next_second(self._base.later(ahead))
            if seconds is None:
                return None
            at = alarm.next_tick(a_second, tick if seconds == 0 else 0)
            if at is not None:
                ticks = (ahead + seconds) * a_second + at - self._base_ticks
                return self._base_edge + ticks * self._edges_a_tick
            ahead, tick = ahead + seconds + 1, 0
        return None

    @property
    def _wake_period(self) -> int:
        """Edges of RTCCLK from one wakeup to the next (RM0385 30.3.6)."""
        chosen = field(self.registers[CR], 0, 3)
        edges = 16 >> chosen if chosen < 4 else self._edges_a_tick * self._ticks_a_second
        return edges * (self.registers[WUTR] + 1 + (0x1_0000 if chosen >= 6 else 0))

    def due(self, what: str) -> None:
        """See `Peripheral.due`."""
        if what in (_TICK, _SECOND):
            return
        if what == _INITIALISES:
            self._begin_to_initialise()
        elif what == _COPIES:
            self.registers[ISR] |= _RSF
        elif what == _WAKES:
            self.registers[ISR] |= _WUTF
        else:
            self.registers[ISR] |= 1 << 8 + "AB".index(what)
        self._interrupt()
        self._plan()

    def _interrupt(self) -> None:
        """Towards EXTI, which has the interrupts."""
        control, flags = self.registers[CR], self.registers[ISR]
        self.slot.drive("RTC_ALARM", bool(control >> 12 & flags >> 8 & 0b11))
        self.slot.drive("RTC_WAKEUP", bool(control & _WUTIE and flags & _WUTF))

    def _copy_soon(self) -> None:
        self.registers[ISR] &= ~_RSF
        self._latched = None
        self._copy_edge = self._now() + _SYNCHRONISED_EDGES

    # Initialisation

    def _begin_to_initialise(self) -> None:
        moment, _ = self._moment()
        self.registers[TR] = time_register(moment, twelve_hours=self._twelve_hours)
        self.registers[DR] = date_register(moment)
        self.registers[ISR] |= _INITF

    def _end_initialisation(self) -> None:
        registers = self.registers
        registers[ISR] &= ~(_INIT | _INITF)
        self._base = moment_of(registers[TR], registers[DR], twelve_hours=self._twelve_hours)
        self._base_edge, self._base_ticks = self._now(), 0
        self._copy_soon()

    # Registers

    def read(self, offset: int) -> int:
        """See `Peripheral.read`."""
        if offset in (TR, DR, SSR):
            return self._read_calendar(offset)
        if offset == ISR:
            return self._flags()
        return 0 if offset in (WPR, SHIFTR) else super().read(offset)

    def _plan_change(self, offset: int) -> None:
        """What is read stays until an event, so that loops which wait for the next second are skipped to it."""
        ticks, a_second = self._ticks(), self._ticks_a_second
        changes = ticks + 1 if offset == SSR else (ticks // a_second + 1) * a_second
        edge = self._base_edge + (changes - self._base_ticks) * self._edges_a_tick
        self.slot.plan(_TICK if offset == SSR else _SECOND, self._clock.time_ps(edge))

    def _read_calendar(self, offset: int) -> int:
        if self.registers[ISR] & _INITF:
            return self.registers[offset]
        self._plan_change(offset)
        moment, ticks = self._moment()
        time = time_register(moment, twelve_hours=self._twelve_hours)
        if self.registers[CR] & _BYPSHAD:
            self._latched = None
        elif offset == DR:
            latched, self._latched = self._latched, None
            if latched is not None:
                return latched[1]
        elif self._latched is None:
            self._latched = time, date_register(moment)
        elif offset == TR:
            return self._latched[0]
        if offset == SSR:
            return self._ticks_a_second - 1 - ticks
        return time if offset == TR else date_register(moment)

    def _flags(self) -> int:
        flags, control = self.registers[ISR], self.registers[CR]
        may_be_written = ~control >> 8 & 0b111  # alarms and wakeup timer, while they are off
        year = field(self.registers[DR] if flags & _INITF else date_register(self._moment()[0]), 16, 8)
        return flags | may_be_written | (_INITS if year else 0)

    def write(self, offset: int, value: int) -> None:
        """See `Peripheral.write`."""
        if not self.slot.backup_writable:
            self.slot.log.once("the RTC was written while PWR_CR1.DBP protects it: ignored (RM0385 4.1.3)")
        elif offset == WPR:
            key = value & 0xFF
            self._keys = self._keys + 1 if self._keys < len(_KEYS) and key == _KEYS[self._keys] else 0
        elif BKP0R <= offset < _BEHIND_BACKUP or offset == TAMPCR:
            super().write(offset, value)
        elif offset == ISR:
            self._write_flags(value)
        elif self._keys != len(_KEYS):
            self.slot.log.once("the RTC was written without the keys 0xCA, 0x53 in WPR: ignored (RM0385 30.3.7)")
        else:
            self._set(offset, value)
        self._interrupt()
        self._plan()

    def _write_flags(self, value: int) -> None:
        registers = self.registers
        registers[ISR] &= value | ~_CLEARED_BY_0
        if not value & _RSF:
            self._copy_soon()
        if self._keys != len(_KEYS):
            return
        if value & _INIT and not registers[ISR] & _INIT:
            registers[ISR] |= _INIT
            self._initialise_edge = self._now() + _SYNCHRONISED_EDGES
        elif not value & _INIT and registers[ISR] & _INIT:
            if registers[ISR] & _INITF:
                self._end_initialisation()
            registers[ISR] &= ~_INIT

    def _set(self, offset: int, value: int) -> None:
        registers = self.registers
        if offset in (TR, DR, PRER):
            if registers[ISR] & _INITF:
                registers[offset] = value & {TR: 0x7F_7F7F, DR: 0xFF_FF3F, PRER: _WRITABLE[PRER]}[offset]
            return
        if offset == SHIFTR:
            self._shift(value)
        elif offset == CR:
            self._write_control(value)
        elif offset == WUTR and registers[CR] & _WUTE:
            self.slot.log.once("RTC.WUTR was written while the wakeup timer is on: ignored (RM0385 30.6.6)")
        elif offset in _WRITABLE:
            registers[offset] = value & _WRITABLE[offset]

    def _write_control(self, value: int) -> None:
        before = self.registers[CR]
        self._settle()
        self.registers[CR] = value & _WRITABLE[CR]
        if value & _WUTE and not before & _WUTE:
            self._wake_edge = self._now()
        if value & (_ADD1H | _SUB1H):
            self._base = self._base.later(3600 if value & _ADD1H else -3600)
            self._copy_soon()

    def _shift(self, value: int) -> None:
        """The calendar goes back by a part of a second, and forward by a whole one (RM0385 30.3.11)."""
        self._settle()
        ticks = self._base_ticks - field(value, 0, 15) + (self._ticks_a_second if value >> 31 else 0)
        seconds, self._base_ticks = divmod(ticks, self._ticks_a_second)
        self._base = self._base.later(seconds)
        self._copy_soon()
