"""Peripherals that are models in Python alone, on the protocol of `slot`; and a user's own (`own`)."""

from __future__ import annotations

from collections.abc import Sequence

from renode_mnist.stm32f746.analog import Analog
from renode_mnist.stm32f746.devices import I2CS, SPIS, Attached, I2cDevice, SpiDevice
from renode_mnist.stm32f746.peripheral import Peripheral
from renode_mnist.stm32f746.peripherals.adc import Adc
from renode_mnist.stm32f746.peripherals.bkpsram import BackupSram
from renode_mnist.stm32f746.peripherals.crc import Crc
from renode_mnist.stm32f746.peripherals.dac import Dac
from renode_mnist.stm32f746.peripherals.exti import Exti
from renode_mnist.stm32f746.peripherals.fmc import Fmc
from renode_mnist.stm32f746.peripherals.i2c import I2c
from renode_mnist.stm32f746.peripherals.iwdg import IndependentWatchdog
from renode_mnist.stm32f746.peripherals.lptim import LowPowerTimer
from renode_mnist.stm32f746.peripherals.ltdc import Ltdc
from renode_mnist.stm32f746.peripherals.quadspi import QuadSpi
from renode_mnist.stm32f746.peripherals.rng import Rng
from renode_mnist.stm32f746.peripherals.rtc import Rtc
from renode_mnist.stm32f746.peripherals.spi import SelectedDevice, Spi
from renode_mnist.stm32f746.peripherals.syscfg import Syscfg
from renode_mnist.stm32f746.peripherals.timer import Timer
from renode_mnist.stm32f746.peripherals.timer_features import FEATURES
from renode_mnist.stm32f746.peripherals.wwdg import WindowWatchdog
from renode_mnist.stm32f746.surroundings import Surroundings


def built_in(surroundings: Surroundings) -> list[Peripheral]:
    """One of each, in the order in which a reset comes to them."""
    syscfg = Syscfg()
    return [
        syscfg,
        Exti(syscfg),
        *(Timer(name) for name in FEATURES),
        LowPowerTimer("LPTIM1"),
        IndependentWatchdog(),
        WindowWatchdog(),
        Rtc(),
        BackupSram(),
        Crc(),
        Rng(surroundings.seed),
        Adc(Analog(surroundings.analog)),
        Dac(),
        Ltdc(),
        Fmc(),
        QuadSpi(surroundings.qspi),
        *(_spi(name, surroundings.devices) for name in SPIS),
        *(_i2c(name, surroundings.devices) for name in I2CS),
    ]


def _spi(name: str, attached: Sequence[Attached]) -> Spi:
    devices = []
    for each in attached:
        if each.bus == name:
            device = each.make()
            assert isinstance(device, SpiDevice)
            devices.append(SelectedDevice(device, each.select))
    return Spi(name, devices)


def _i2c(name: str, attached: Sequence[Attached]) -> I2c:
    devices = {}
    for each in attached:
        if each.bus == name:
            device = each.make()
            assert isinstance(device, I2cDevice)
            devices[each.address] = device
    return I2c(name, devices)
