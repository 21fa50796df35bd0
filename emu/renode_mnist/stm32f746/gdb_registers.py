"""The core's registers as GDB wants them: their order, and the description that names it (GDB manual, appendix G)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unicorn import arm_const as arm

from renode_mnist.stm32f746.core import Core


@dataclass(frozen=True)
class Register:
    """One register of the description.

    Attributes:
        name: GDB's.
        parts: What it is made of in Unicorn, 32 bits each, the lowest first.
        type: GDB's, where that is not plain integer.
    """

    name: str
    parts: tuple[int, ...]
    type: str = "int"

    @property
    def size_bytes(self) -> int:
        """In the packets."""
        return 4 * len(self.parts)


def _core_registers() -> Iterator[Register]:
    for number in range(13):
        yield Register(f"r{number}", (arm.UC_ARM_REG_R0 + number,))
    yield Register("sp", (arm.UC_ARM_REG_SP,), "data_ptr")
    yield Register("lr", (arm.UC_ARM_REG_LR,))
    yield Register("pc", (arm.UC_ARM_REG_PC,), "code_ptr")
    yield Register("xpsr", (arm.UC_ARM_REG_XPSR,))


def _fpu_registers() -> Iterator[Register]:
    # FPv5-SP has single precision alone, but GDB knows its registers as pairs.
    for number in range(16):
        low = arm.UC_ARM_REG_S0 + 2 * number
        yield Register(f"d{number}", (low, low + 1), "ieee_double")
    yield Register("fpscr", (arm.UC_ARM_REG_FPSCR,))


_FEATURES = {
    "org.gnu.gdb.arm.m-profile": tuple(_core_registers()),
    "org.gnu.gdb.arm.vfp": tuple(_fpu_registers()),
    "org.gnu.gdb.arm.m-system": (
        Register("msp", (arm.UC_ARM_REG_MSP,), "data_ptr"),
        Register("psp", (arm.UC_ARM_REG_PSP,), "data_ptr"),
    ),
    "renode-mnist.masks": (
        Register("primask", (arm.UC_ARM_REG_PRIMASK,)),
        Register("basepri", (arm.UC_ARM_REG_BASEPRI,)),
        Register("faultmask", (arm.UC_ARM_REG_FAULTMASK,)),
        Register("control", (arm.UC_ARM_REG_CONTROL,)),
    ),
}

REGISTERS = tuple(register for registers in _FEATURES.values() for register in registers)
"""In the order of the packets ``g`` and ``G``; ``p`` and ``P`` count them."""


def description() -> bytes:
    """``target.xml``."""
    features = "".join(
        f'<feature name="{feature}">'
        + "".join(f'<reg name="{r.name}" bitsize="{8 * r.size_bytes}" type="{r.type}"/>' for r in registers)
        + "</feature>"
        for feature, registers in _FEATURES.items()
    )
    return (
        '<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd">'
        f"<target><architecture>arm</architecture>{features}</target>"
    ).encode()


def read(core: Core, register: Register) -> bytes:
    """A register's value, lowest byte first."""
    return b"".join(core.read(part).to_bytes(4, "little") for part in register.parts)


def write(core: Core, register: Register, value: bytes) -> None:
    """Sets a register."""
    for index, part in enumerate(register.parts):
        word = int.from_bytes(value[4 * index : 4 * index + 4], "little")
        core.write(part, word | 1 if part == arm.UC_ARM_REG_PC else word)  # bit 0: stay in Thumb state
    if register.name == "pc":
        core.counter.forget_previous()
    elif register.name in ("xpsr", "control"):
        core.rebuild_flags()
