"""Peripherals that are models in Python alone, on the protocol of `slot`; and a user's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from renode_mnist.errors import TargetError
from renode_mnist.stm32f746 import memory_map
from renode_mnist.stm32f746.peripheral import Peripheral
from renode_mnist.stm32f746.peripherals.bkpsram import BackupSram
from renode_mnist.stm32f746.peripherals.exti import Exti
from renode_mnist.stm32f746.peripherals.iwdg import IndependentWatchdog
from renode_mnist.stm32f746.peripherals.lptim import LowPowerTimer
from renode_mnist.stm32f746.peripherals.rtc import Rtc
from renode_mnist.stm32f746.peripherals.syscfg import Syscfg
from renode_mnist.stm32f746.peripherals.timer import Timer
from renode_mnist.stm32f746.peripherals.timer_features import FEATURES
from renode_mnist.stm32f746.peripherals.wwdg import WindowWatchdog


@dataclass(frozen=True)
class OwnPeripheral:
    """A peripheral that a user has written.

    Attributes:
        make: Makes it, once for each machine.
        base: Its first address, a multiple of 1 KiB within a window of the buses.
    """

    make: Callable[[], Peripheral]
    base: int


def built_in() -> list[Peripheral]:
    """One of each, in the order in which a reset comes to them."""
    syscfg = Syscfg()
    timers = [*(Timer(name) for name in FEATURES), LowPowerTimer("LPTIM1")]
    return [syscfg, Exti(syscfg), *timers, IndependentWatchdog(), WindowWatchdog(), Rtc(), BackupSram()]


def place_of(model: Peripheral, base: int) -> memory_map.PeripheralRange:
    """Where a user's peripheral is.

    Raises:
        TargetError: Nothing can be there.
    """
    size = model.size_bytes
    inside = any(begin <= base and base + size <= begin + length for begin, length in memory_map.BUS_WINDOWS)
    if not inside or base % memory_map.KIB or size % memory_map.KIB or size <= 0:
        windows = ", ".join(f"{begin:#010x} to {begin + length:#010x}" for begin, length in memory_map.BUS_WINDOWS)
        raise TargetError(
            f"{model.name} cannot be at {base:#010x} with {size} bytes",
            f"Its address and size must be multiples of 1024, within {windows}.",
        )
    on_apb = memory_map.BUS_WINDOWS[0][0] <= base < 0x4002_0000
    return memory_map.PeripheralRange(model.name, base, size, on_apb)
