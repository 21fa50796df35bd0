"""What a deep sleep of the core makes of the chip: stop and standby (RM0385 4.3.5, 4.3.6)."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from renode_mnist.stm32f746 import systick as systick_module
from renode_mnist.stm32f746.power import Pwr
from renode_mnist.stm32f746.rcc import Rcc
from renode_mnist.stm32f746.systick import SysTick

_SETTINGS, _ENABLE = 0b111, 0b001
"""Bits of SysTick's control register."""


class Mode(Enum):
    """What the chip is in."""

    RUN = "run"
    STOP = "stop mode"
    STANDBY = "standby"


class LowPower:
    """Stop, in which clocks but LSI and LSE stand still until EXTI wakes the core, and standby, which a reset ends.

    Args:
        rcc: Has the clocks.
        pwr: Says which of the two it is, and what ends standby.
        systick: Stands still too.
        power_down: Registers and memories but those of the backup domain lose what they hold.

    Attributes:
        mode: Of the two, or neither.
    """

    def __init__(self, rcc: Rcc, pwr: Pwr, systick: SysTick, power_down: Callable[[], None]) -> None:
        self._rcc = rcc
        self._pwr = pwr
        self._systick = systick
        self._power_down = power_down
        self._systick_settings = 0
        self.mode = Mode.RUN

    def enter(self) -> None:
        """The core sleeps deeply."""
        if self._pwr.standby_asked:
            self.mode = Mode.STANDBY
            self._pwr.falls_into_standby()
            self._power_down()
            return
        self.mode = Mode.STOP
        self._systick_settings = self._systick.read(systick_module.CSR) & _SETTINGS
        self._systick.write(systick_module.CSR, self._systick_settings & ~_ENABLE)
        self._rcc.stop()

    def leave(self) -> None:
        """Something has woken it."""
        self._rcc.leave_stop()
        self._systick.write(systick_module.CSR, self._systick_settings)
        self.mode = Mode.RUN

    def reset(self) -> None:
        """The chip was reset."""
        self._pwr.has_left_standby()
        self.mode = Mode.RUN

    def state(self) -> tuple[str, int]:
        """All that `take_state` needs to bring it back."""
        return self.mode.value, self._systick_settings

    def take_state(self, state: tuple[str, int]) -> None:
        """Becomes what it was when `state` returned that."""
        self.mode, self._systick_settings = Mode(state[0]), state[1]
