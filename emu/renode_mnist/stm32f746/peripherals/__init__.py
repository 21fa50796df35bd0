"""Peripherals that are models in Python alone, on the protocol of `slot`; and a user's own (`own`)."""

from __future__ import annotations

from renode_mnist.stm32f746.peripheral import Peripheral


def built_in() -> list[Peripheral]:
    """One of each, in the order in which a reset comes to them."""
    return []
