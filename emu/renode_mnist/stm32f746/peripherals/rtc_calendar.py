"""The calendar's arithmetic: BCD registers, dates from 2000 to 2099, and when an alarm comes (RM0385 30.3, 30.6)."""

from __future__ import annotations

import datetime
from typing import NamedTuple

from renode_mnist.stm32f746.peripheral import field

SECONDS_A_DAY = 86_400
_FIRST = datetime.date(2000, 1, 1)
_DAYS = 36_525
"""In 100 years, each fourth of which is a leap year for the RTC."""
_PM = 1 << 22
_MASKED = 1 << 7
"""MSKx in each byte of an alarm."""
_BY_WEEKDAY = 1 << 30


def bcd(number: int) -> int:
    """Two decimal digits."""
    return number // 10 << 4 | number % 10


def from_bcd(digits: int) -> int:
    """Their number."""
    return (digits >> 4) * 10 + (digits & 0xF)


class Moment(NamedTuple):
    """A second of the calendar.

    Attributes:
        second: Since 2000 began.
        weekday: 1 to 7, which the program chooses freely.
    """

    second: int
    weekday: int

    def later(self, seconds: int) -> Moment:
        """So many seconds later; behind 2099 comes 2000."""
        second = self.second + seconds
        days = second // SECONDS_A_DAY - self.second // SECONDS_A_DAY
        return Moment(second % (_DAYS * SECONDS_A_DAY), (self.weekday - 1 + days) % 7 + 1)


def time_register(moment: Moment, *, twelve_hours: bool) -> int:
    """TR."""
    minutes, second = divmod(moment.second % SECONDS_A_DAY, 60)
    hour, minute = divmod(minutes, 60)
    shown = (hour + 11) % 12 + 1 if twelve_hours else hour
    afternoon = _PM if twelve_hours and hour >= 12 else 0
    return afternoon | bcd(shown) << 16 | bcd(minute) << 8 | bcd(second)


def date_register(moment: Moment) -> int:
    """DR."""
    date = _FIRST + datetime.timedelta(moment.second // SECONDS_A_DAY)
    return bcd(date.year - 2000) << 16 | moment.weekday << 13 | bcd(date.month) << 8 | bcd(date.day)


def _hour(digits: int, afternoon: int, *, twelve_hours: bool) -> int:
    hour = from_bcd(digits)
    return hour % 12 + (12 if afternoon else 0) if twelve_hours else hour


def moment_of(time: int, date: int, *, twelve_hours: bool) -> Moment:
    """Of TR and DR; what is no date is taken to be the nearest one before it."""
    year, month, day = from_bcd(field(date, 16, 8)), from_bcd(field(date, 8, 5)), from_bcd(field(date, 0, 6))
    year, month, day = min(year, 99), min(max(month, 1), 12), max(day, 1)
    following = datetime.date(2000 + year + month // 12, month % 12 + 1, 1)
    last = (following - datetime.timedelta(1)).day
    days = (datetime.date(2000 + year, month, min(day, last)) - _FIRST).days
    hour = _hour(field(time, 16, 6), time & _PM, twelve_hours=twelve_hours)
    seconds = (min(hour, 23) * 60 + from_bcd(field(time, 8, 7))) * 60 + from_bcd(field(time, 0, 7))
    return Moment(days * SECONDS_A_DAY + seconds, max(1, field(date, 13, 3)))


class Alarm(NamedTuple):
    """ALRMxR and ALRMxSSR.

    Attributes:
        compared: ALRMxR.
        fraction: ALRMxSSR.
        twelve_hours: CR.FMT.
    """

    compared: int
    fraction: int
    twelve_hours: bool

    def _on_day(self, moment: Moment) -> bool:
        if self.compared >> 24 & _MASKED:
            return True
        if self.compared & _BY_WEEKDAY:
            return moment.weekday == field(self.compared, 24, 4)
        return date_register(moment) & 0x3F == field(self.compared, 24, 6)

    def _times(self) -> tuple[range, range, range]:
        """Hours, minutes and seconds at which it comes."""
        masked = [bool(self.compared >> 8 * place & _MASKED) for place in range(3)]
        second, minute = (from_bcd(field(self.compared, 8 * place, 7)) for place in range(2))
        hour = _hour(field(self.compared, 16, 6), self.compared & _PM, twelve_hours=self.twelve_hours)
        return (
            range(24) if masked[2] else range(hour, min(hour + 1, 24)),
            range(60) if masked[1] else range(minute, min(minute + 1, 60)),
            range(60) if masked[0] else range(second, min(second + 1, 60)),
        )

    def next_second(self, begin: Moment) -> int | None:
        """Seconds from ``begin`` to the first that matches, which may be it; None where none does."""
        hours, minutes, seconds = self._times()
        midnight = begin.second // SECONDS_A_DAY * SECONDS_A_DAY
        for day in range(4 * 366):  # 29 February comes at least so often
            if not self._on_day(begin.later(midnight + day * SECONDS_A_DAY - begin.second)):
                continue
            earliest = begin.second - midnight - day * SECONDS_A_DAY
            for hour in hours:
                if hour * 3600 + 3599 < earliest:
                    continue
                for minute in minutes:
                    if hour * 3600 + minute * 60 + 59 < earliest:
                        continue
                    for second in seconds:
                        if (at := hour * 3600 + minute * 60 + second) >= earliest:
                            return at - earliest
        return None

    def next_tick(self, ticks_a_second: int, begin: int) -> int | None:
        """The first tick of a second that matches, not before ``begin``; None where none does.

        Sub-seconds count down from ``ticks_a_second`` - 1 at the second's beginning.
        """
        mask = (1 << field(self.fraction, 24, 4)) - 1
        if not mask:
            return 0 if begin == 0 else None
        last = ticks_a_second - 1
        above = (last - begin - self.fraction) & mask
        tick = begin + above
        return tick if tick <= last else None
