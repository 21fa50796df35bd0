"""What is wired to the chip: what its pins see, and who is on its buses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from renode_mnist.stm32f746.analog import Source
from renode_mnist.stm32f746.devices import Attached


@dataclass(frozen=True)
class Surroundings:
    """All that a machine's models are told of the world.

    Attributes:
        seed: Of the random number generator.
        analog: By pin (``PA0``) what an ADC sees there.
        devices: On SPI and I2C buses.
        qspi: What the flash at the QUADSPI holds from its first byte on.
    """

    seed: int = 0
    analog: Mapping[str, Source] = field(default_factory=dict)
    devices: tuple[Attached, ...] = ()
    qspi: bytes = b""


NOTHING = Surroundings()
