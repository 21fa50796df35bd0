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
        outside: What is known of programs that are not of that kind.
    """

    mean_percent: float
    worst_percent: float
    points: int
    basis: str
    outside: str

    def __str__(self) -> str:
        return (
            f"±{self.mean_percent:g} % on average, {self.worst_percent:g} % at worst in {self.points} published "
            f"points, code and data in tightly coupled memory. {self.outside}"
        )


# CoreMark, GCC 12.2, on an i.MX RT1060 (github.com/Masmiseim36/Coremark_iMXRT), rebuilt with Debian's GCC 12.2 and
# predicted as it ran: -O0 +1.0, -Og +3.1, -O1 +5.8, -Os +4.4, -O2 +2.0, -O3 +2.9, -O3 -flto +0.5 %. AES in assembly,
# ten functions on an STM32H743 (github.com/jnk0le/cortexm-AES), from edge counts: +0.5 to +1.7 %, the shortest (139
# cycles) +10.8 %. No floating-point program is among them: its rules were measured one by one. One instruction = one
# cycle is off by 18, 2, 7, 23, 17 and 14 % on the first six.
STATED_ERROR = StatedError(
    mean_percent=2.3,
    worst_percent=11,
    points=17,
    basis="CoreMark built in seven ways and ten AES functions, code and data in tightly coupled memory",
    # TensorFlow Lite Micro 1.14, rebuilt: 104.9 ms modelled, 126.3 ms measured (docs/cycles.md).
    outside="Flash wait states and cache misses are not in it: the article's float network, whose weights stream "
    "from flash, comes out 17 % below its measurement, rebuilt with another compiler",
)
"""Of the pipeline model alone."""
