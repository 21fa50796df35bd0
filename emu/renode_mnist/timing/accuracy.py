"""How far the modelled cycles are from silicon, as measured; every figure that is shown carries it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StatedError:
    """What comparing with published measurements gave.

    Attributes:
        mean_percent: Mean of the errors' magnitudes.
        worst_percent: The largest.
        points: How many measurements.
        basis: What they were and where memory was.
    """

    mean_percent: float
    worst_percent: float
    points: int
    basis: str

    def __str__(self) -> str:
        return f"±{self.mean_percent:g} % on average, {self.worst_percent:g} % at worst"


# CoreMark, GCC 12.2, -O0 -Og -O1 -Os -O2 -O3 on an i.MX RT1060 (github.com/Masmiseim36/Coremark_iMXRT):
# +1.0 +3.1 +5.8 +4.4 +2.0 +2.9 %, rebuilt by Debian's GCC 12.2 and predicted as it ran. AES in assembly, ten
# functions on an STM32H743 (github.com/jnk0le/cortexm-AES): from +0.5 to +1.7 %, the shortest (139 cycles) +10.8 %.
# For comparison, one instruction = one cycle is off by 14 % and 23 % on the same CoreMark.
STATED_ERROR = StatedError(
    mean_percent=2.4,
    worst_percent=11,
    points=16,
    basis="CoreMark at six levels of optimisation and ten AES functions, code and data in tightly coupled memory",
)
"""Of the pipeline model alone. Flash wait states and cache misses are not in it: they only add."""
