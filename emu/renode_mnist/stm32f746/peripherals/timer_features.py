"""Which timer has what (RM0385 22 to 25, 26)."""

from __future__ import annotations

from dataclasses import dataclass

CR1, CR2, SMCR, DIER, SR, EGR, CCMR1, CCMR2, CCER, CNT, PSC, ARR = range(0x00, 0x30, 4)
RCR, CCR1, CCR2, CCR3, CCR4, BDTR, DCR, DMAR, OR = range(0x30, 0x54, 4)


@dataclass(frozen=True)
class Features:
    """What one has.

    Attributes:
        channels: For capture and compare.
        top: The largest value of its counter.
        falls: It can count down, and up and down.
        triggers: From which timers its internal triggers ITR0 to 3 come; none where it has no slave modes.
        controls: It has CR2, which says when it triggers others.
        advanced: It has a repetition counter, complementary outputs and a break input.
    """

    channels: int = 0
    top: int = 0xFFFF
    falls: bool = False
    triggers: tuple[str, ...] = ()
    controls: bool = True
    advanced: bool = False

    @property
    def writable(self) -> dict[int, int]:
        """Bits that can be written, by register; one that is not in it does not exist."""
        channel = range(self.channels)
        has = {CR1: 0x888 | 0b111, DIER: 0x101, EGR: 1, CNT: self.top, PSC: 0xFFFF, ARR: self.top}
        if self.controls:
            has[CR2] = 0x70
        if not self.channels:
            return has
        has[CR1] |= 0x300  # CKD
        has[DIER] = 1 | sum(1 << each + 1 for each in channel)
        has[EGR] = 1 | sum(1 << each + 1 for each in channel)
        has[CCMR1] = sum(0x1_00FF << 8 * each for each in channel if each < 2)
        has[CCER] = sum(0xB << 4 * each for each in channel)
        has |= {CCR1 + 4 * each: self.top for each in channel}
        if self.triggers:
            has[SMCR] = 0xF7
            has[DIER] |= 1 << 6
            has[EGR] |= 1 << 6
        if self.falls:
            has[CR1] |= 0x70
            has[CR2] = 0xF8
            has[SMCR] = 0x1_FFF7
            has[DIER] |= 0x5F00
            has[CCMR2] = has[CCMR1]
            has |= {DCR: 0x1F1F, DMAR: 0xFFFF_FFFF, OR: 0xC00}
        if self.advanced:
            has[CR2] = 0x7FFD
            has[DIER] = 0x7FFF
            has[EGR] = 0xFF
            has[CCER] = 0x3FFF
            has |= {RCR: 0xFFFF, BDTR: 0x3FF_FFFF}
        return has


_WIDE = 0xFFFF_FFFF

FEATURES = {
    "TIM1": Features(4, falls=True, triggers=("TIM5", "TIM2", "TIM3", "TIM4"), advanced=True),
    "TIM8": Features(4, falls=True, triggers=("TIM1", "TIM2", "TIM4", "TIM5"), advanced=True),
    "TIM2": Features(4, _WIDE, falls=True, triggers=("TIM1", "TIM8", "TIM3", "TIM4")),
    "TIM3": Features(4, falls=True, triggers=("TIM1", "TIM2", "TIM5", "TIM4")),
    "TIM4": Features(4, falls=True, triggers=("TIM1", "TIM2", "TIM3", "TIM8")),
    "TIM5": Features(4, _WIDE, falls=True, triggers=("TIM2", "TIM3", "TIM4", "TIM8")),
    "TIM9": Features(2, triggers=("TIM2", "TIM3", "", ""), controls=False),
    "TIM12": Features(2, triggers=("TIM4", "TIM5", "", ""), controls=False),
    **{f"TIM{number}": Features(1, controls=False) for number in (10, 11, 13, 14)},
    **{f"TIM{number}": Features() for number in (6, 7)},
}
"""By name; internal triggers of RM0385 tables 134, 139, 142."""
