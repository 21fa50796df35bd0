"""A timer that counts edge by edge, to which the one that is a function of time is held."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class CountedTimer:
    """Counter, flags of updates and of one channel's matches of an advanced timer, as RM0385 22.3 tells of them.

    Attributes:
        control: CR1: CEN, UDIS, URS, OPM, DIR, CMS, ARPE.
        flags: SR: UIF and CC1IF.
    """

    control: int = 0
    flags: int = 0
    count: int = 0
    down: bool = False
    prescaled: int = 0
    preload: dict[str, int] = field(default_factory=lambda: {"PSC": 0, "ARR": 0xFFFF, "RCR": 0, "CCR1": 0})
    used: dict[str, int] = field(default_factory=lambda: {"PSC": 0, "ARR": 0xFFFF, "RCR": 0, "CCR1": 0})
    repeats: int = 0

    @property
    def centred(self) -> int:
        """CMS."""
        return self.control >> 5 & 3

    def write(self, register: str, value: int) -> None:
        """What the program sets."""
        if register == "CR1":
            self.control = value
            if not self.centred:
                self.down = bool(value & 1 << 4)
            elif self.centred:
                self.down = self.down and self.count > 0 and not self.count >= self.used["ARR"] + 0x1_0000
        elif register == "SR":
            self.flags &= value
        elif register == "CNT":
            self.count = value
        elif register == "EGR":
            self.prescaled = 0
            self.update(over=False)
            self.count = self.used["ARR"] if self.down and not self.centred else 0
            self.down = self.down and not self.centred
        else:
            self.preload[register] = value
            if register == "CCR1" or (register == "ARR" and not self.control & 1 << 7):
                self.used[register] = value

    def update(self, *, over: bool) -> None:
        """An update event."""
        if self.control & 1 << 1:
            return
        self.used |= self.preload
        self.repeats = self.used["RCR"]
        if over or not self.control & 1 << 2:
            self.flags |= 1
        if over and self.control & 1 << 3:
            self.control &= ~1

    def _ends(self) -> None:
        if self.repeats:
            self.repeats -= 1
        else:
            self.repeats = self.used["RCR"]
            self.update(over=True)

    def edge(self) -> None:
        """One of the timer's clock."""
        if not self.control & 1 or not self.used["ARR"]:
            return
        self.prescaled += 1
        if self.prescaled <= self.used["PSC"]:
            return
        self.prescaled = 0
        reload, compared = self.used["ARR"], self.used["CCR1"]
        if self.centred:
            matches = self._centred_tick(reload, compared)
        elif self.down:
            ends = self.count == 0
            self.count = reload if ends else self.count - 1
            matches = self.count == compared if compared <= reload else ends
        else:
            ends = self.count == reload
            self.count = 0 if ends else (self.count + 1) & 0xFFFF
            matches = self.count == compared if compared <= reload else ends
        if not self.centred and ends:
            self._ends()
            if self.down:
                self.count = self.used["ARR"]
        if matches:
            self.flags |= 2

    def _centred_tick(self, reload: int, compared: int) -> bool:
        if self.count == (0 if self.down else reload):  # where a write has brought it to its turning point
            self.down = not self.down
        was_down = self.down
        self.count = (self.count + (-1 if self.down else 1)) & 0xFFFF
        ends = self.count == (0 if was_down else reload)
        if ends:
            self.down = not was_down
            self._ends()
        if compared >= reload:
            return ends and not was_down
        if compared == 0 and self.count == 0:
            return ends
        return self.count == compared and self.centred in ((1, 3) if was_down else (2, 3))
