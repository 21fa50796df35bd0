"""What the pipeline model needs to know of one instruction: no encoding, no timing, only roles.

``decode`` makes operations out of bytes, ``parameters`` says how long a ``Result`` takes to reach a ``Port``,
and ``pipeline`` puts both together.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, auto

SP, LR, PC = 13, 14, 15
"""Registers are small integers: 0 to 15 the core's, then ``S0`` and what follows."""
S0 = 16
"""First of 32 single-precision registers; a double register is two of them."""
FLAGS = 48
"""APSR.NZCV."""
GE_FLAGS = 49
"""APSR.GE, between UADD8 and its like and SEL."""
FP_FLAGS = 50
"""FPSCR.NZCV, between VCMP and VMRS."""
REGISTER_COUNT = 51


class Result(IntEnum):
    """How a value is made, which decides when each kind of reader can have it."""

    ALU = 0  # the late ALU: most data processing
    EARLY_ALU = auto()  # the same instruction, when its operands were there a cycle early
    EARLY_REVERSE = auto()  # REV and RBIT: early, but not for another early reader
    BASE_UPDATE = auto()  # the address register of a pre- or post-indexed access
    SATURATED = auto()  # SSAT, QADD, USAD8: a cycle longer than the ALU
    MULTIPLIED = auto()
    WORD_LOADED = auto()
    NARROW_LOADED = auto()  # byte and half-word
    SET_FLAGS = auto()
    SET_FLAGS_SHIFTED = auto()  # a compare with a shifted operand
    FP_CALCULATED = auto()  # VADD, VMUL, VCVT
    FP_FUSED = auto()  # VFMA and its like
    FP_CHAINED = auto()  # VMLA and its like
    FP_LOADED = auto()
    FP_MOVED = auto()  # VMOV into a floating-point register
    FP_COMPARED = auto()


class Port(IntEnum):
    """Where an operand enters, which decides how early it must be there."""

    EARLY = 0  # address generation, and the shifted operand
    LATE = auto()  # the late ALU
    BESIDE_EARLY = auto()  # the unshifted operand of an instruction that has a shifted one
    MULTIPLICAND = auto()
    ACCUMULATOR = auto()
    STORED = auto()
    CONDITION = auto()  # flags, read by carry arithmetic and by predicated instructions
    PREDICTED = auto()  # flags, read by a branch: it went ahead without them
    FP_OPERAND = auto()
    FP_FUSED_ACCUMULATOR = auto()
    FP_CHAINED_ACCUMULATOR = auto()
    FP_STORED = auto()
    FP_TO_CORE = auto()
    FP_COPIED = auto()
    CORE_TO_FP = auto()


class Unit:
    """What an instruction occupies in the cycle in which it issues: bits, plain integers for speed."""

    NONE = 0
    LOAD = 1 << 0
    STORE = 1 << 1
    MULTIPLY = 1 << 2
    BRANCH = 1 << 3
    EARLY_SHIFTER = 1 << 4
    EITHER_SHIFTER = 1 << 5
    FP_ARITHMETIC = 1 << 6
    FP_TRANSFER = 1 << 7  # VLDR, VSTR, VMOV: kept off the younger slot behind a VFMA
    FP_CONSTANT = 1 << 8


class EarlyExecution(IntEnum):
    """Whether the early ALU can take an instruction, and from which issue slot."""

    NEVER = 0
    OLDER_SLOT = auto()
    EITHER_SLOT = auto()


class Branch(IntEnum):
    """What there is to predict about where an instruction leads."""

    NONE = 0
    DIRECT = auto()  # always to the same address
    CONDITIONAL = auto()
    INDIRECT = auto()  # to where a register or the stack says


@dataclass(frozen=True, slots=True)
class Operation:
    """One instruction as the issue stage sees it.

    Attributes:
        address: Where it stands.
        size_bytes: 2 or 4.
        text: Its disassembly, for reports.
        reads: Registers with the port at which each enters.
        writes: Registers, how each is made, and by how many cycles it is late (load multiple).
        units: What it occupies, bits of `Unit`.
        issue_cycles: For how many cycles nothing younger can issue; 1 for all that pipelines.
        alone: It shares its cycle with nothing.
        older_slot_only: It can't be the younger of a pair.
        early: Whether the early ALU can take it.
        is_fused: VFMA, VMLA and their like, which restrict what may follow.
        waits_for_fused: It can't start in the cycles behind one of those.
        branch: Whether and how it leaves the straight line.
        target: Where a direct or conditional branch leads when taken.
        offset: Base register and byte offset of a load or store, where both are known; else ``None``.
    """

    address: int
    size_bytes: int
    text: str
    reads: tuple[tuple[int, Port], ...] = ()
    writes: tuple[tuple[int, Result, int], ...] = ()
    units: int = Unit.NONE
    issue_cycles: int = 1
    alone: bool = False
    older_slot_only: bool = False
    early: EarlyExecution = EarlyExecution.NEVER
    is_fused: bool = False
    waits_for_fused: bool = False
    branch: Branch = Branch.NONE
    target: int | None = None
    offset: tuple[int, int] | None = None
