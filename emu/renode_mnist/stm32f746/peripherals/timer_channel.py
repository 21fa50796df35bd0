"""One channel of a timer: what its bits in CCMR, CCER and CR2 say, and what it holds (RM0385 22.3.6 to 22.3.13)."""

from __future__ import annotations

from collections.abc import MutableMapping
from enum import IntEnum

from renode_mnist.stm32f746.peripheral import field
from renode_mnist.stm32f746.peripherals.timer_count import Count
from renode_mnist.stm32f746.peripherals.timer_features import CCER, CCMR1, CCMR2, CCR1


class Mode(IntEnum):
    """OCxM."""

    FROZEN = 0
    ACTIVE_ON_MATCH = 1
    INACTIVE_ON_MATCH = 2
    TOGGLE = 3
    FORCE_INACTIVE = 4
    FORCE_ACTIVE = 5
    PWM1 = 6
    PWM2 = 7


class Source(IntEnum):
    """CCxS: what the channel is."""

    OUTPUT = 0
    OWN_INPUT = 1
    OTHER_INPUT = 2
    """Of the other channel of its pair."""
    TRIGGER = 3


class Channel:
    """A channel.

    Args:
        index: From 0.
        registers: The timer's.

    Attributes:
        index: As given.
        compared: The value in use of its compare register.
        active: Its reference, where that is held and does not follow from the counter.
        skipped: Edges since the last that was captured, of those that its prescaler passes over.
    """

    def __init__(self, index: int, registers: MutableMapping[int, int]) -> None:
        self.index = index
        self._registers = registers
        self.compared = 0
        self.active = False
        self.skipped = 0

    @property
    def _mode_bits(self) -> int:
        return self._registers[CCMR2 if self.index >= 2 else CCMR1] >> 8 * (self.index % 2)

    @property
    def _enable_bits(self) -> int:
        return self._registers[CCER] >> 4 * self.index

    @property
    def register(self) -> int:
        """Its CCR's offset."""
        return CCR1 + 4 * self.index

    @property
    def flag(self) -> int:
        """Its bit in SR, DIER and EGR; the overcapture flag and the DMA enable bit are 8 higher."""
        return 1 << self.index + 1

    @property
    def source(self) -> Source:
        """What it is."""
        return Source(field(self._mode_bits, 0, 2))

    @property
    def is_output(self) -> bool:
        """It compares."""
        return self.source is Source.OUTPUT

    @property
    def mode_number(self) -> int:
        """OCxM with its fourth bit: what is beyond `Mode` is not modelled."""
        return field(self._mode_bits, 4, 3) | field(self._mode_bits, 16, 1) << 3

    @property
    def mode(self) -> Mode:
        """What it does at a match."""
        return Mode(self.mode_number & 7)

    @property
    def preloads(self) -> bool:
        """OCxPE."""
        return bool(self._mode_bits & 1 << 3)

    @property
    def enabled(self) -> bool:
        """CCxE."""
        return bool(self._enable_bits & 1)

    @property
    def complement_enabled(self) -> bool:
        """CCxNE."""
        return bool(self._enable_bits & 1 << 2)

    @property
    def inverted(self) -> bool:
        """CCxP."""
        return bool(self._enable_bits & 1 << 1)

    @property
    def complement_inverted(self) -> bool:
        """CCxNP."""
        return bool(self._enable_bits & 1 << 3)

    def takes_edge(self, rises: bool) -> bool:
        """Whether it captures at such an edge: CCxP and CCxNP."""
        return (self.inverted and self.complement_inverted) or rises != self.inverted

    def passes(self) -> bool:
        """One more edge; whether its prescaler lets it through."""
        self.skipped = (self.skipped + 1) % (1 << field(self._mode_bits, 2, 2))
        return self.skipped == 0

    def matches_at(self, count: Count, alignment: int) -> tuple[int, ...]:
        """Phases at which its flag is set; ``alignment`` is CMS, which says in which direction that is."""
        return count.phases_of(self.compared, up=alignment != 1, down=alignment != 2)

    def settle(self, matches: int) -> None:
        """It has matched so often."""
        match self.mode:
            case Mode.ACTIVE_ON_MATCH if matches:
                self.active = True
            case Mode.INACTIVE_ON_MATCH if matches:
                self.active = False
            case Mode.TOGGLE:
                self.active ^= matches % 2 == 1

    def reference(self, count: Count, edge: int) -> bool:
        """OCxREF."""
        match self.mode:
            case Mode.FORCE_INACTIVE:
                return False
            case Mode.FORCE_ACTIVE:
                return True
            case Mode.PWM1 | Mode.PWM2:
                value = count.value(edge)
                below = value <= self.compared if count.falls(edge) else value < self.compared
                return below == (self.mode is Mode.PWM1)
            case _:
                return self.active

    def state(self) -> tuple[int, bool, int]:
        """All that `take_state` needs to bring it back."""
        return self.compared, self.active, self.skipped

    def take_state(self, state: tuple[int, bool, int]) -> None:
        """Becomes what it was when `state` returned that."""
        self.compared, self.active, self.skipped = state
