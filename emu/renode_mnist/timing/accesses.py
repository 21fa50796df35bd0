"""Which memory a block touches, as a small program over the registers that it begins with.

An emulator that tells each access as it comes is 20 times as slow (Unicorn 2.1.4 restores the CPU's state for each of
its memory hooks). But nearly all addresses of a block are sums of registers and constants: so a block is translated,
once, into the steps that compute its addresses, and nothing else; whoever has the registers at its beginning runs
these steps before the block itself, as ``stm32f746/native/accesses.c`` does.

What the steps cannot know (an address out of VMOV, a value that no memory holds) is *unresolved*: it is counted and
never guessed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import NamedTuple

from capstone import CsInsn
from capstone.arm import (
    ARM_CC_AL,
    ARM_CC_INVALID,
    ARM_OP_IMM,
    ARM_OP_MEM,
    ARM_OP_REG,
    ARM_SFT_ASR,
    ARM_SFT_ASR_REG,
    ARM_SFT_INVALID,
    ARM_SFT_LSL,
    ARM_SFT_LSL_REG,
    ARM_SFT_LSR,
    ARM_SFT_LSR_REG,
    ARM_SFT_ROR,
    ARM_SFT_ROR_REG,
)

from renode_mnist.timing.decode import Decoder, registers_of
from renode_mnist.timing.operation import FLAGS, LR, PC, SP, Operation

NO_REGISTER = 0xFF
ALWAYS = 14
"""Condition codes are the architecture's (DDI 0403E A7.3)."""

_LARGEST_TRANSFER = 128
"""Bytes: VLDM of 32 single registers."""


class Do(IntEnum):
    """What a step does. ``x`` is register ``m`` shifted, if there is one, plus the constant."""

    FORGET = 0  # target, of which nothing is known from here on
    MOVE = 1  # target = x
    ADD = 2  # target = n + x
    SUBTRACT = 3  # target = n - x
    REVERSE_SUBTRACT = 4  # target = x - n
    AND = 5
    OR = 6
    XOR = 7
    CLEAR = 8  # target = n & ~x
    NOT = 9  # target = ~x
    MULTIPLY_ADD = 10  # target = n * m + extra, if there is an extra
    MULTIPLY_SUBTRACT = 11  # target = extra - n * m
    SHIFT = 12  # target = n shifted by register m, the way `shift_kind` says
    EXTEND = 13  # target = the `size` bytes of m rotated by `shift`, signed or not; + n, if there is one
    FIELD = 14  # target = `size` bits of n from bit `shift` on, signed or not
    DIVIDE = 15  # target = n / m, signed or not
    LOAD = 16  # `size` bytes at n + x are read
    STORE = 17  # and written
    VALUE = 18  # target = the `size` bytes at n + x, signed or not
    KEEP = 19  # the `size` bytes at n + x are now register `extra`; unknown where there is none
    COMPARE = 20  # flags of n - x
    COMPARE_NEGATIVE = 21  # flags of n + x
    TEST = 22  # N and Z of n & x; C is not known afterwards
    TEST_EQUAL = 23  # N and Z of n ^ x, likewise


class Shift(IntEnum):
    """Of a register operand."""

    LEFT = 0
    RIGHT = 1
    ARITHMETIC = 2
    ROTATE = 3


class Step(NamedTuple):
    """One step; the layout of ``AccessStep`` in native/accesses.h."""

    do: int
    target: int = NO_REGISTER
    n: int = NO_REGISTER
    m: int = NO_REGISTER
    shift_kind: int = Shift.LEFT
    shift: int = 0
    condition: int = ALWAYS
    size: int = 0
    is_signed: int = 0
    extra: int = NO_REGISTER
    constant: int = 0

    def packed(self) -> bytes:
        """16 bytes."""
        return _LAYOUT.pack(*self[:-1], self.constant & 0xFFFF_FFFF)


_LAYOUT = struct.Struct("<10B2xI")


class Accesses(NamedTuple):
    """Of a block.

    Attributes:
        needed: Registers whose values at the block's beginning the steps want, 0 to 14.
        needs_flags: Whether they want APSR as well.
        loops: Whether the block can lead to itself; behind the last step the needed registers then have the values
            for that.
        steps: In order.
    """

    needed: tuple[int, ...]
    needs_flags: bool
    loops: bool
    steps: tuple[Step, ...]

    def packed(self) -> bytes:
        """What ``native/accesses.c`` reads: a bit a needed register, 16 the flags, 17 a loop; then the steps."""
        mask = sum(1 << register for register in self.needed) | self.needs_flags << 16 | self.loops << 17
        return struct.pack("<I", mask) + b"".join(step.packed() for step in self.steps)


_SHIFTS = {
    ARM_SFT_ASR: Shift.ARITHMETIC,
    ARM_SFT_LSL: Shift.LEFT,
    ARM_SFT_LSR: Shift.RIGHT,
    ARM_SFT_ROR: Shift.ROTATE,
}
_SHIFTED_BY_REGISTER = (ARM_SFT_ASR_REG, ARM_SFT_LSL_REG, ARM_SFT_LSR_REG, ARM_SFT_ROR_REG)

_BINARY = {
    "add": Do.ADD, "addw": Do.ADD, "sub": Do.SUBTRACT, "subw": Do.SUBTRACT, "rsb": Do.REVERSE_SUBTRACT, "and": Do.AND,
    "orr": Do.OR, "eor": Do.XOR, "bic": Do.CLEAR,
}  # fmt: skip
_COMPARES = {"cmp": Do.COMPARE, "cmn": Do.COMPARE_NEGATIVE, "tst": Do.TEST, "teq": Do.TEST_EQUAL}
_FLAGS_OF = {Do.ADD: Do.COMPARE_NEGATIVE, Do.SUBTRACT: Do.COMPARE, Do.AND: Do.TEST, Do.XOR: Do.TEST_EQUAL}
_SHIFT_NAMES = {"lsl": Shift.LEFT, "lsr": Shift.RIGHT, "asr": Shift.ARITHMETIC, "ror": Shift.ROTATE}
_EXTENDS = {"uxtb": (1, 0), "uxth": (2, 0), "sxtb": (1, 1), "sxth": (2, 1)}
_EXTENDS_AND_ADDS = {"uxtab": (1, 0), "uxtah": (2, 0), "sxtab": (1, 1), "sxtah": (2, 1)}
_LOADS = {"ldr": (4, 0), "ldrb": (1, 0), "ldrh": (2, 0), "ldrsb": (1, 1), "ldrsh": (2, 1), "ldrd": (8, 0)}
_STORES = {"str": 4, "strb": 1, "strh": 2, "strd": 8}
_MULTIPLE = {"ldm": 0, "ldmdb": -1, "stm": 0, "stmdb": -1, "push": -1, "pop": 0}
_MULTIPLE |= {f"v{name}": place for name, place in (("ldmia", 0), ("ldmdb", -1), ("stmia", 0), ("stmdb", -1))}
_MULTIPLE |= {"vpush": -1, "vpop": 0}


class _Operand(NamedTuple):
    """What may stand as ``x``: the fields of a step."""

    m: int = NO_REGISTER
    shift_kind: int = Shift.LEFT
    shift: int = 0
    constant: int = 0


class _Translator:
    """Steps of one instruction after the other."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._condition = ALWAYS

    def _do(
        self, do: Do, target: int = NO_REGISTER, n: int = NO_REGISTER, x: _Operand | None = None, **more: int
    ) -> None:
        if x is not None:
            more |= x._asdict()
        self.steps.append(Step(do, target, n, condition=self._condition, **more))

    def translate(self, instruction: CsInsn | None, operation: Operation) -> None:
        """Appends what an instruction does to addresses."""
        if instruction is None:
            return
        cc = instruction.cc
        self._condition = ALWAYS if cc in (ARM_CC_INVALID, ARM_CC_AL) else cc - 1
        name = instruction.insn_name()
        if not self._translate(name, instruction):
            for register, *_ in operation.writes:
                if register <= LR or register == FLAGS:
                    self._do(Do.FORGET, register)

    def _translate(self, name: str, instruction: CsInsn) -> bool:
        """Whether all that the instruction does to registers was said."""
        if name in _LOADS or name in _STORES or name in ("vldr", "vstr"):
            return self._transfer(name, instruction)
        if name in _MULTIPLE:
            return self._transfer_several(name, instruction)
        if name in ("tbb", "tbh"):
            return self._table(name, instruction)
        if name in ("b", "bx", "cbz", "cbnz", "bl", "blx", "it", "nop"):
            return True  # what stands behind a branch is another block; LR is nobody's address
        operands = [registers_of(instruction, o.reg) if o.type == ARM_OP_REG else () for o in instruction.operands]
        if name == "adr" or (PC,) in operands:
            return self._of_program_counter(name, instruction, operands)
        if name in _COMPARES:
            self._do(_COMPARES[name], n=operands[0][0], x=self._x(instruction, 1))
            return self._x(instruction, 1) is not None
        return self._compute(name, instruction, operands)

    def _compute(self, name: str, instruction: CsInsn, operands: list[tuple[int, ...]]) -> bool:
        count = len(operands)
        sets_flags = instruction.update_flags
        if not operands or not operands[0]:
            return count == 0
        target = operands[0][0]
        if name in _BINARY and count in (2, 3):
            n, x = operands[count - 2], self._x(instruction, count - 1)
            if not n or x is None:
                return False
            if sets_flags:
                self._do(_FLAGS_OF.get(_BINARY[name], Do.FORGET), FLAGS, n[0], x)
            self._do(_BINARY[name], target, n[0], x)
            return True
        if name in ("mov", "movs", "movw", "mvn") and count == 2 and (x := self._x(instruction, 1)) is not None:
            self._do(Do.NOT if name == "mvn" else Do.MOVE, target, x=x)
            return self._flags_of_result(target, sets_flags)
        if name == "movt":
            self._do(Do.AND, target, target, _Operand(constant=0xFFFF))
            self._do(Do.OR, target, target, _Operand(constant=instruction.operands[1].imm << 16))
            return True
        if name in _SHIFT_NAMES:
            source = operands[1] if count == 3 else operands[0]
            if (last := instruction.operands[-1]).type == ARM_OP_IMM:
                self._do(Do.MOVE, target, x=_Operand(source[0], _SHIFT_NAMES[name], last.imm))
            elif count == 2 and last.shift.type != ARM_SFT_INVALID:
                return False
            else:
                self._do(Do.SHIFT, target, source[0], _Operand(operands[-1][0], _SHIFT_NAMES[name]))
            return self._flags_of_result(target, sets_flags)
        if sets_flags:
            self._do(Do.FORGET, FLAGS)
        return self._arithmetic(name, instruction, operands, target)

    def _arithmetic(self, name: str, instruction: CsInsn, operands: list[tuple[int, ...]], target: int) -> bool:
        if name == "mul":
            first, second = (operands * 2)[-2:] if len(operands) == 2 else operands[1:]
            self._do(Do.MULTIPLY_ADD, target, first[0], _Operand(second[0]))
        elif name in ("mla", "mls"):
            how = Do.MULTIPLY_ADD if name == "mla" else Do.MULTIPLY_SUBTRACT
            self._do(how, target, operands[1][0], _Operand(operands[2][0]), extra=operands[3][0])
        elif name in _EXTENDS:
            (size, is_signed), rotation = _EXTENDS[name], instruction.operands[-1].shift.value
            source = operands[-1][0]
            self._do(Do.EXTEND, target, x=_Operand(source, shift=rotation), size=size, is_signed=is_signed)
        elif name in _EXTENDS_AND_ADDS:
            (size, is_signed), rotation = _EXTENDS_AND_ADDS[name], instruction.operands[-1].shift.value
            x = _Operand(operands[2][0], shift=rotation)
            self._do(Do.EXTEND, target, operands[1][0], x, size=size, is_signed=is_signed)
        elif name in ("ubfx", "sbfx"):
            lowest, width = (operand.imm for operand in instruction.operands[2:])
            x = _Operand(shift=lowest)
            self._do(Do.FIELD, target, operands[1][0], x, size=width, is_signed=int(name == "sbfx"))
        elif name in ("udiv", "sdiv"):
            first, second = (operands * 2)[-2:] if len(operands) == 2 else operands[1:]
            self._do(Do.DIVIDE, target, first[0], _Operand(second[0]), is_signed=int(name == "sdiv"))
        else:
            return False
        return True

    def _flags_of_result(self, target: int, sets_flags: bool) -> bool:
        if sets_flags:
            self._do(Do.TEST, n=target, x=_Operand(target))
        return True

    def _of_program_counter(self, name: str, instruction: CsInsn, operands: list[tuple[int, ...]]) -> bool:
        here = instruction.address + 4
        if name in ("add", "adr", "addw", "sub", "subw") and instruction.operands[-1].type == ARM_OP_IMM:
            distance = instruction.operands[-1].imm
            place = (here & ~3) + (-distance if name.startswith("sub") else distance)
        elif name == "mov" and operands[1] == (PC,):
            place = here
        else:
            return False
        if operands[0] and operands[0][0] <= LR:
            self._do(Do.MOVE, operands[0][0], x=_Operand(constant=place))
        return True

    def _x(self, instruction: CsInsn, position: int) -> _Operand | None:
        operand = instruction.operands[position]
        if operand.type == ARM_OP_IMM:
            return _Operand(constant=operand.imm)
        registers = registers_of(instruction, operand.reg) if operand.type == ARM_OP_REG else ()
        if len(registers) != 1 or registers[0] > LR:
            return None
        if operand.shift.type == ARM_SFT_INVALID:
            return _Operand(registers[0])
        if operand.shift.type in _SHIFTED_BY_REGISTER or operand.shift.type not in _SHIFTS:
            return None
        return _Operand(registers[0], _SHIFTS[operand.shift.type], operand.shift.value)

    def _transfer(self, name: str, instruction: CsInsn) -> bool:
        """One register, or two: offset, pre-indexed, post-indexed, by a register, from a literal."""
        registers = [registers_of(instruction, o.reg) for o in instruction.operands if o.type == ARM_OP_REG]
        place = next(position for position, o in enumerate(instruction.operands) if o.type == ARM_OP_MEM)
        operand = instruction.operands[place]
        (base,) = registers_of(instruction, operand.mem.base)
        by = _Operand(constant=operand.mem.disp)
        if operand.mem.index:
            (index,) = registers_of(instruction, operand.mem.index)
            by = _Operand(index, Shift.LEFT, operand.shift.value)
        behind = instruction.operands[place + 1 :]
        if behind:  # post-indexed: the address is the base itself
            by = _Operand(constant=behind[0].imm) if behind[0].type == ARM_OP_IMM else _Operand(NO_REGISTER)
            self._touch(name, registers[:place], base, _Operand(), after=by)
        elif instruction.writeback:
            self._do(Do.ADD, base, base, by)
            self._touch(name, registers, base, _Operand())
        elif base == PC:
            self._touch(
                name, registers, NO_REGISTER, _Operand(constant=(instruction.address + 4 & ~3) + operand.mem.disp)
            )
        else:
            self._touch(name, registers, base, by)
        return True

    def _touch(
        self, name: str, registers: Sequence[tuple[int, ...]], n: int, x: _Operand, after: _Operand | None = None
    ) -> None:
        """The access at n + x, then the base moved on by ``after``, then what was loaded."""
        is_fp = name.startswith("v")
        if name in _STORES or name == "vstr":
            size = 4 * len(registers[0]) if is_fp else _STORES[name]
            self._do(Do.STORE, n=n, x=x, size=size)
            each = size // len(registers)
            for position, register in enumerate(registers):
                extra = NO_REGISTER if is_fp else register[0]
                self._keep(n, x, position * each, each, extra)
            if after is not None:
                self._do(Do.ADD, n, n, after)
            return
        size, is_signed = (4 * len(registers[0]), 0) if is_fp else _LOADS[name]
        self._do(Do.LOAD, n=n, x=x, size=size)
        # A base among the targets is written last, so that the others are found.
        order = sorted(range(len(registers)), key=lambda position: not is_fp and registers[position][0] == n)
        for position in order if not is_fp else ():
            each = size // len(registers)
            self._value(registers[position][0], n, x, position * each, each, is_signed)
        if after is not None:
            self._do(Do.ADD, n, n, after)

    def _keep(self, n: int, x: _Operand, offset: int, size: int, extra: int) -> None:
        self._do(Do.KEEP, n=n, x=x._replace(constant=x.constant + offset), size=size, extra=extra)

    def _value(self, target: int, n: int, x: _Operand, offset: int, size: int, is_signed: int = 0) -> None:
        if target <= LR:
            self._do(Do.VALUE, target, n, x._replace(constant=x.constant + offset), size=size, is_signed=is_signed)

    def _transfer_several(self, name: str, instruction: CsInsn) -> bool:
        registers = [registers_of(instruction, o.reg) for o in instruction.operands if o.type == ARM_OP_REG]
        on_stack = "push" in name or "pop" in name
        base = SP if on_stack else registers[0][0]
        words = [word for each in (registers if on_stack else registers[1:]) for word in each]
        size = min(4 * len(words), _LARGEST_TRANSFER)
        is_fp = name.startswith("v")
        x = _Operand(constant=_MULTIPLE[name] * size)
        is_load = "ld" in name or "pop" in name
        self._do(Do.LOAD if is_load else Do.STORE, n=base, x=x, size=size)
        if not is_load:
            for position, word in enumerate(words):
                self._keep(base, x, 4 * position, 4, NO_REGISTER if is_fp else word)
        moves = on_stack or instruction.writeback
        by = -size if _MULTIPLE[name] else size
        loaded = [] if is_fp or not is_load else sorted(enumerate(words), key=lambda each: each[1] == base)
        for position, word in loaded:
            self._value(word, base, x, 4 * position, 4)
        if moves and base not in (words if is_load and not is_fp else ()):
            self._do(Do.ADD, base, base, _Operand(constant=by))
        return True

    def _table(self, name: str, instruction: CsInsn) -> bool:
        operand = instruction.operands[0]
        (base,) = registers_of(instruction, operand.mem.base)
        (index,) = registers_of(instruction, operand.mem.index)
        size = 1 if name == "tbb" else 2
        x = _Operand(index, Shift.LEFT, size - 1)
        if base == PC:  # the table stands behind the instruction
            x = x._replace(constant=instruction.address + 4)
            base = NO_REGISTER
        self._do(Do.LOAD, n=base, x=x, size=size)
        return True


def _needed(steps: Sequence[Step], at_end: Iterable[int] = ()) -> tuple[list[Step], set[int]]:
    """The steps on which an access or a register ``at_end`` depends, and what they want at the beginning."""
    wanted: set[int] = set(at_end)
    wants_memory = False
    kept: list[Step] = []
    for step in reversed(steps):
        sets = {FLAGS} if step.do >= Do.COMPARE else {step.target} - {NO_REGISTER}
        if step.do in (Do.LOAD, Do.STORE):
            pass
        elif step.do == Do.KEEP:
            if not wants_memory:
                continue
        elif not sets & wanted:
            continue
        if step.condition == ALWAYS:
            wanted -= sets
        else:
            wanted.add(FLAGS)
        wanted |= {step.n, step.m, step.extra} - {NO_REGISTER} if step.do != Do.FORGET else set()
        wants_memory |= step.do == Do.VALUE
        kept.append(step)
    return kept[::-1], wanted


def translate(decoder: Decoder, code: bytes, address: int) -> Accesses:
    """What the block of ``code`` at ``address`` touches."""
    translator = _Translator()
    for instruction, operation in decoder.decoded(code, address):
        translator.translate(instruction, operation)
        last = operation
    steps, wanted = _needed(translator.steps)
    loops = bool(steps) and last.target == address
    while loops and (more := _needed(translator.steps, wanted - {FLAGS})) != (steps, wanted):
        steps, wanted = more
    return Accesses(tuple(sorted(wanted - {FLAGS})), FLAGS in wanted, loops, tuple(steps))
