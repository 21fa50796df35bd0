"""Peripherals that are models in Python alone, on the protocol of `slot`; and a user's own (`own`)."""

from __future__ import annotations

from renode_mnist.stm32f746.analog import Analog
from renode_mnist.stm32f746.peripheral import Peripheral
from renode_mnist.stm32f746.peripherals.adc import Adc
from renode_mnist.stm32f746.peripherals.crc import Crc
from renode_mnist.stm32f746.peripherals.dac import Dac
from renode_mnist.stm32f746.peripherals.rng import Rng
from renode_mnist.stm32f746.surroundings import Surroundings


def built_in(surroundings: Surroundings) -> list[Peripheral]:
    """One of each, in the order in which a reset comes to them."""
    return [Crc(), Rng(surroundings.seed), Adc(Analog(surroundings.analog)), Dac()]
