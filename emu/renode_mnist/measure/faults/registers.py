"""Registers of core and FPU that a fault may be put into."""

from __future__ import annotations

from dataclasses import dataclass

from unicorn import arm_const as arm

_FLAGS = (27, 28, 29, 30, 31)
"""Q, V, C, Z, N of APSR (DDI 0403E B1.4.2); GE with them is not reached."""


@dataclass(frozen=True)
class Register:
    """One of them.

    Attributes:
        name: As the manual has it.
        number: Unicorn's.
        bits: That exist; empty for all 32.
    """

    name: str
    number: int
    bits: tuple[int, ...] = ()

    def bit(self, drawn: int) -> int:
        """One of its bits, of a number from 0 to 31."""
        return self.bits[drawn % len(self.bits)] if self.bits else drawn


PC = Register("PC", arm.UC_ARM_REG_PC, tuple(range(1, 32)))
APSR = Register("APSR", arm.UC_ARM_REG_XPSR, _FLAGS)

REGISTERS = (
    *(Register(f"R{index}", arm.UC_ARM_REG_R0 + index) for index in range(13)),
    Register("SP", arm.UC_ARM_REG_SP, tuple(range(2, 32))),
    Register("LR", arm.UC_ARM_REG_LR),
    PC,
    APSR,
    *(Register(f"S{index}", arm.UC_ARM_REG_S0 + index) for index in range(32)),
)
BY_NAME = {each.name: each for each in REGISTERS}
