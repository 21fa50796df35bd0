"""Thumb-2 bytes to operations, with capstone as the disassembler.

Capstone's operand positions are reliable, its access flags are not (VLDM, LDR with write-back), so the roles
of the operands are told here, by instruction group.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from capstone import CS_ARCH_ARM, CS_MODE_MCLASS, CS_MODE_THUMB, CS_MODE_V8, Cs, CsInsn
from capstone.arm import ARM_CC_AL, ARM_CC_INVALID, ARM_OP_IMM, ARM_OP_MEM, ARM_OP_REG

from renode_mnist.timing.operation import (
    FLAGS,
    FP_FLAGS,
    GE_FLAGS,
    LR,
    PC,
    S0,
    SP,
    Branch,
    EarlyExecution,
    Operation,
    Port,
    Result,
    Unit,
)
from renode_mnist.timing.parameters import PipelineParameters

_NAMED = {"sp": SP, "lr": LR, "pc": PC, "sb": 9, "sl": 10, "fp": 11, "ip": 12}


def _registers(name: str) -> tuple[int, ...]:
    """``r3`` is (3,), ``d1`` is (S0 + 2, S0 + 3); what is no register of the model (``primask``) is empty."""
    if name in _NAMED:
        return (_NAMED[name],)
    kind, number = name[:1], name[1:]
    if not number.isdigit():
        return ()
    if kind == "r":
        return (int(number),)
    if kind == "s" and int(number) < 32:
        return (S0 + int(number),)
    if kind == "d" and int(number) < 16:
        return (S0 + 2 * int(number), S0 + 2 * int(number) + 1)
    return ()


_BY_NUMBER: dict[int, tuple[int, ...]] = {}


def registers_of(instruction: CsInsn, number: int) -> tuple[int, ...]:
    """The registers of a capstone register's number: ``d1`` is (S0 + 2, S0 + 3)."""
    known = _BY_NUMBER.get(number)
    if known is None:
        known = _BY_NUMBER[number] = _registers(instruction.reg_name(number))
    return known


@dataclass(slots=True)
class _Draft:
    """An operation in the making, of an instruction that capstone calls ``name``."""

    name: str
    reads: list[tuple[int, Port]] = field(default_factory=list)
    writes: list[tuple[int, Result, int]] = field(default_factory=list)
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

    def read(self, registers: tuple[int, ...], port: Port) -> None:
        self.reads.extend((register, port) for register in registers if register != PC)

    def write(self, registers: tuple[int, ...], result: Result, delay: int = 0) -> None:
        for register in registers:
            if register == PC:
                self.units |= Unit.BRANCH
                self.branch = Branch.INDIRECT
            else:
                self.writes.append((register, result, delay))


_Group = Callable[["_Draft", CsInsn, "list[tuple[int, ...]]", PipelineParameters], None]


def _operand_registers(instruction: CsInsn) -> list[tuple[int, ...]]:
    """Per operand its registers; empty for immediates and addresses."""
    return [
        registers_of(instruction, operand.reg) if operand.type == ARM_OP_REG else ()
        for operand in instruction.operands
    ]


def _has_rotated_immediate(instruction: CsInsn) -> bool:
    """Whether a constant needs the shifter: ARMv7-M A5.3.2, modified immediates with imm12<11:10> not zero.

    The patterns 0x00XY00XY, 0xXY00XY00 and 0xXYXYXYXY do not (jnk0le, operand2 matrix).
    """
    code = instruction.bytes
    if len(code) < 4:
        return False
    first, second = code[0] | code[1] << 8, code[2] | code[3] << 8
    is_modified_immediate = first & 0xFA00 == 0xF000 and not second & 0x8000
    return is_modified_immediate and bool((first >> 10 & 1) << 1 | second >> 14 & 1)


# --- data processing ----------------------------------------------------------------------------------------

_COMPARES = ("cmp", "cmn", "tst", "teq")
_EARLY_CAPABLE = ("add", "sub", "mov", "movs", "addw", "subw", "movw", "adr")


def _data_processing(draft: _Draft, instruction: CsInsn, ops: list[tuple[int, ...]], _: PipelineParameters) -> None:
    name = draft.name
    is_compare = name in _COMPARES
    # "add r0, r1" reads its target; "mov r0, r1" and "add r0, r1, r2" do not.
    reads_target = is_compare or (len(ops) < 3 and name not in ("mov", "movs", "mvn", "movw", "adr"))
    sources = range(0 if reads_target else 1, len(ops))
    shifted = next((i for i in sources if instruction.operands[i].shift.type), None)
    for i in sources:
        if shifted is None:
            draft.read(ops[i], Port.LATE)
        else:
            draft.read(ops[i], Port.EARLY if i == shifted else Port.BESIDE_EARLY)
    if shifted is not None or _has_rotated_immediate(instruction):
        draft.units |= Unit.EARLY_SHIFTER
    elif name in _EARLY_CAPABLE:
        draft.early = EarlyExecution.OLDER_SLOT
    if name in ("adc", "sbc", "rsc"):
        draft.read((FLAGS,), Port.CONDITION)
    if not is_compare:
        draft.write(ops[0], Result.ALU)
    if instruction.update_flags or is_compare:
        late = is_compare and shifted is not None
        draft.write((FLAGS,), Result.SET_FLAGS_SHIFTED if late else Result.SET_FLAGS)


def _shift(draft: _Draft, instruction: CsInsn, ops: list[tuple[int, ...]], _: PipelineParameters) -> None:
    for source in ops if len(ops) == 2 and ops[1] else ops[1:] or ops:
        draft.read(source, Port.LATE)
    draft.write(ops[0], Result.ALU)
    if draft.name == "rrx":
        draft.read((FLAGS,), Port.CONDITION)
        draft.units |= Unit.EARLY_SHIFTER
    else:
        draft.units |= Unit.EITHER_SHIFTER
        draft.early = EarlyExecution.EITHER_SLOT
    if instruction.update_flags:
        draft.write((FLAGS,), Result.SET_FLAGS)


def _bit_field(draft: _Draft, instruction: CsInsn, ops: list[tuple[int, ...]], _: PipelineParameters) -> None:
    """BFI, UBFX, REV, PKH, SXTAB: the early shifter, older slot; the moved operand is needed early (J)."""
    name = draft.name
    draft.older_slot_only = True
    draft.units |= Unit.EARLY_SHIFTER
    sources = ops[1:]
    for position, source in enumerate(sources):
        is_last = position == len(sources) - 1 or not any(sources[position + 1 :])
        draft.read(source, Port.EARLY if is_last or name == "pkhtb" else Port.BESIDE_EARLY)
    if name in ("bfi", "bfc"):
        draft.read(ops[0], Port.BESIDE_EARLY)
    draft.write(ops[0], Result.EARLY_REVERSE if name.startswith(("rev", "rbit")) else Result.ALU)


def _simd(draft: _Draft, instruction: CsInsn, ops: list[tuple[int, ...]], _: PipelineParameters) -> None:
    """Extensions and DSP instructions that are no multiplies: older slot, so never two in a cycle (J, L)."""
    name = draft.name
    draft.older_slot_only = True
    for source in ops[1:]:
        draft.read(source, Port.LATE)
    if name == "sel":
        draft.read((GE_FLAGS,), Port.CONDITION)
    elif instruction.update_flags:
        draft.write((GE_FLAGS,), Result.SET_FLAGS)
    draft.write(ops[0], Result.ALU)


def _saturate(draft: _Draft, instruction: CsInsn, ops: list[tuple[int, ...]], _: PipelineParameters) -> None:
    draft.older_slot_only = True
    is_shifting = draft.name in ("ssat", "usat", "ssat16", "usat16", "qdadd", "qdsub")
    if is_shifting:
        draft.units |= Unit.EARLY_SHIFTER
    for source in ops[1:]:
        draft.read(source, Port.EARLY if is_shifting else Port.LATE)
    draft.write(ops[0], Result.SATURATED)


# --- multiplies and divides ---------------------------------------------------------------------------------

_LONG_ACCUMULATING = ("smlal", "umlal", "umaal", "smlsl")


def _multiply(draft: _Draft, instruction: CsInsn, ops: list[tuple[int, ...]], _: PipelineParameters) -> None:
    name = draft.name
    draft.units |= Unit.MULTIPLY
    is_long = name.startswith((*_LONG_ACCUMULATING, "umull", "smull"))
    results = 2 if is_long else 1
    factors = ops[results : results + 2] if len(ops) > 2 else ops
    for factor in factors:
        draft.read(factor, Port.MULTIPLICAND)
    if name.startswith(_LONG_ACCUMULATING):
        for accumulator in ops[:2]:
            draft.read(accumulator, Port.ACCUMULATOR)
    for accumulator in ops[results + 2 :]:
        draft.read(accumulator, Port.ACCUMULATOR)
    for result in ops[:results]:
        draft.write(result, Result.MULTIPLIED)
    if instruction.update_flags:
        draft.write((FLAGS,), Result.SET_FLAGS)


def _divide(draft: _Draft, _i: CsInsn, ops: list[tuple[int, ...]], parameters: PipelineParameters) -> None:
    draft.alone = True
    draft.issue_cycles = parameters.integer_divide_cycles
    for source in ops[-2:]:
        draft.read(source, Port.LATE)
    draft.write(ops[0], Result.ALU, parameters.integer_divide_cycles - 1)


# --- loads and stores ---------------------------------------------------------------------------------------


def _address(draft: _Draft, instruction: CsInsn) -> None:
    """Base and index are read early; a base that is written back is free for late readers at once."""
    operand = next(o for o in instruction.operands if o.type == ARM_OP_MEM)
    base = registers_of(instruction, operand.mem.base)
    draft.read(base, Port.EARLY)
    if operand.mem.index:
        draft.read(registers_of(instruction, operand.mem.index), Port.EARLY)
    elif base:
        is_literal = base == (PC,)
        offset = operand.mem.disp + (instruction.address + 4 & ~3 if is_literal else 0)
        post_indexed = instruction.operands[-1].type == ARM_OP_IMM
        draft.offset = (base[0], 0 if post_indexed else offset)
    if instruction.writeback:
        draft.write(base, Result.BASE_UPDATE)


def _load(draft: _Draft, instruction: CsInsn, ops: list[tuple[int, ...]], _: PipelineParameters) -> None:
    name = draft.name
    draft.units |= Unit.LOAD
    _address(draft, instruction)
    if name.startswith("pld"):
        return
    if name in ("ldrd", "ldrexd"):
        draft.alone = True
    elif name.startswith("ldrex"):
        draft.older_slot_only = True
    narrow = name.startswith(("ldrb", "ldrh", "ldrsb", "ldrsh", "ldrexb", "ldrexh"))
    for target in ops:
        draft.write(target, Result.NARROW_LOADED if narrow else Result.WORD_LOADED)


def _store(draft: _Draft, instruction: CsInsn, ops: list[tuple[int, ...]], _: PipelineParameters) -> None:
    name = draft.name
    draft.units |= Unit.STORE
    if name.startswith("strex"):
        draft.alone = True
        draft.write(ops[0], Result.WORD_LOADED)
        ops = ops[1:]
    elif name == "strd":
        draft.alone = True
    for source in ops:
        draft.read(source, Port.STORED)
    _address(draft, instruction)


def _multiple(draft: _Draft, instruction: CsInsn, ops: list[tuple[int, ...]], _: PipelineParameters) -> None:
    """LDM, STM, PUSH, POP, VLDM, VSTM: alone, two words a cycle (J)."""
    name = draft.name
    uses_stack = name in ("push", "pop", "vpush", "vpop")
    base, transferred = ((SP,), ops) if uses_stack else (ops[0], ops[1:])
    is_load = name.startswith(("ldm", "pop", "vldm", "vpop"))
    is_fp = name.startswith("v")
    draft.alone = True
    draft.units |= Unit.LOAD if is_load else Unit.STORE
    draft.waits_for_fused = is_fp
    draft.read(base, Port.EARLY)
    words = [register for operand in transferred for register in operand]
    for position, register in enumerate(words):
        if is_load:
            draft.write((register,), Result.FP_LOADED if is_fp else Result.WORD_LOADED, position // 2)
        else:
            draft.read((register,), Port.FP_STORED if is_fp else Port.STORED)
    draft.issue_cycles = max(1, (len(words) + 1) // 2)
    if uses_stack or instruction.writeback:
        draft.write(base, Result.BASE_UPDATE)


# --- branches and the system --------------------------------------------------------------------------------


def _branch(draft: _Draft, instruction: CsInsn, ops: list[tuple[int, ...]], _: PipelineParameters) -> None:
    """A branch is predicted, so it waits neither for flags nor for the register it goes to."""
    name = draft.name
    draft.units |= Unit.BRANCH
    if name in ("cbz", "cbnz"):
        draft.branch = Branch.CONDITIONAL
    elif name == "b" and _is_conditional(instruction):
        draft.branch = Branch.CONDITIONAL
        draft.read((FLAGS,), Port.PREDICTED)
    else:
        draft.branch = Branch.INDIRECT if any(ops) else Branch.DIRECT
    if draft.branch is not Branch.INDIRECT:
        draft.target = instruction.operands[-1].imm
    if name in ("bl", "blx"):
        draft.write((LR,), Result.ALU)


def _table_branch(
    draft: _Draft, instruction: CsInsn, _o: list[tuple[int, ...]], parameters: PipelineParameters
) -> None:
    draft.units |= Unit.LOAD | Unit.BRANCH
    _address(draft, instruction)
    draft.offset = None
    draft.branch = Branch.INDIRECT
    draft.alone = True
    draft.issue_cycles = parameters.table_branch_cycles


def _no_operation(_draft: _Draft, _i: CsInsn, _o: list[tuple[int, ...]], _p: PipelineParameters) -> None:
    """NOP and IT take an issue slot, nothing else (J)."""


def _system(draft: _Draft, instruction: CsInsn, ops: list[tuple[int, ...]], parameters: PipelineParameters) -> None:
    draft.alone = True
    draft.issue_cycles = parameters.system_cycles
    if draft.name == "mrs" and ops:
        draft.write(ops[0], Result.ALU, parameters.system_cycles - 1)
    else:
        for source in ops:
            draft.read(source, Port.LATE)


# --- floating point -----------------------------------------------------------------------------------------


def _fp_arithmetic(draft: _Draft, instruction: CsInsn, ops: list[tuple[int, ...]], _: PipelineParameters) -> None:
    name = draft.name
    draft.units |= Unit.FP_ARITHMETIC
    draft.waits_for_fused = name in ("vadd", "vsub")
    for source in ops[1:]:
        draft.read(source, Port.FP_OPERAND)
    if name.startswith("vsel"):
        draft.read((FLAGS,), Port.CONDITION)
        draft.older_slot_only = True
    draft.write(ops[0], Result.FP_CALCULATED)


def _fp_fused(draft: _Draft, instruction: CsInsn, ops: list[tuple[int, ...]], _: PipelineParameters) -> None:
    rounds_once = draft.name.startswith("vf")
    draft.units |= Unit.FP_ARITHMETIC
    draft.is_fused = True
    draft.read(ops[0], Port.FP_FUSED_ACCUMULATOR if rounds_once else Port.FP_CHAINED_ACCUMULATOR)
    for source in ops[1:]:
        draft.read(source, Port.FP_OPERAND)
    draft.write(ops[0], Result.FP_FUSED if rounds_once else Result.FP_CHAINED)


def _fp_iterative(
    draft: _Draft, instruction: CsInsn, ops: list[tuple[int, ...]], parameters: PipelineParameters
) -> None:
    """VDIV and VSQRT pair with one integer instruction, then lock the pipeline (J)."""
    divides = draft.name == "vdiv"
    draft.units |= Unit.FP_ARITHMETIC
    draft.issue_cycles = parameters.fp_divide_cycles if divides else parameters.fp_square_root_cycles
    for source in ops[1:]:
        draft.read(source, Port.FP_OPERAND)
    draft.write(ops[0], Result.FP_LOADED, draft.issue_cycles - 1)


def _fp_compare(draft: _Draft, _i: CsInsn, ops: list[tuple[int, ...]], _p: PipelineParameters) -> None:
    draft.units |= Unit.FP_ARITHMETIC
    for source in ops:
        draft.read(source, Port.FP_OPERAND)
    draft.write((FP_FLAGS,), Result.FP_COMPARED)


def _fp_status(draft: _Draft, instruction: CsInsn, ops: list[tuple[int, ...]], _: PipelineParameters) -> None:
    """VMRS and VMSR issue alone (L)."""
    draft.alone = True
    name = draft.name
    if name == "vmsr":
        draft.read(ops[-1], Port.LATE)
        return
    draft.read((FP_FLAGS,), Port.CONDITION)
    if ops[0]:
        draft.write(ops[0], Result.ALU)
    else:
        draft.write((FLAGS,), Result.SET_FLAGS)


def _fp_move(draft: _Draft, _i: CsInsn, ops: list[tuple[int, ...]], _p: PipelineParameters) -> None:
    draft.units |= Unit.FP_TRANSFER
    if len(ops) > 2:  # two registers at a time issue alone (J)
        draft.alone = True
    half = len(ops) // 2 if len(ops) != 3 else (1 if ops[0] and ops[0][0] >= S0 else 2)
    targets, sources = ops[:half], ops[half:]
    to_fp = any(register >= S0 for operand in targets for register in operand)
    if not any(sources):  # VMOV #imm
        draft.units |= Unit.FP_CONSTANT
        draft.waits_for_fused = True
    for source in sources:
        from_fp = any(register >= S0 for register in source)
        port = Port.CORE_TO_FP if not from_fp else Port.FP_COPIED if to_fp else Port.FP_TO_CORE
        draft.read(source, port)
    for target in targets:
        draft.write(target, Result.FP_MOVED if to_fp else Result.ALU)


def _fp_load_store(draft: _Draft, instruction: CsInsn, ops: list[tuple[int, ...]], _: PipelineParameters) -> None:
    is_load = draft.name == "vldr"
    is_double = len(ops[0]) == 2
    draft.units |= (Unit.LOAD if is_load else Unit.STORE) | Unit.FP_TRANSFER
    draft.alone = draft.waits_for_fused = is_double  # J: nothing beside VLDR.D and VSTR.D
    _address(draft, instruction)
    if is_load:
        draft.write(ops[0], Result.FP_LOADED)
    else:
        draft.read(ops[0], Port.FP_STORED)


# --- which group an instruction is in -----------------------------------------------------------------------

_GROUPS: dict[str, _Group] = {}
for _group, _names in (
    (_data_processing, "add adc sub sbc rsb and orr orn eor bic mov movs mvn movt cmp cmn tst teq adr addw "
                       "subw movw"),
    (_shift, "lsl lsr asr ror rrx"),
    (_bit_field, "bfi bfc sbfx ubfx rbit rev rev16 revsh pkhbt pkhtb sxtab sxtah sxtab16 uxtab uxtah "
                 "uxtab16"),
    (_saturate, "ssat usat ssat16 usat16 qadd qsub qdadd qdsub qasx qsax qadd16 qsub16 qadd8 qsub8 uqadd16 "
                "uqsub16 uqadd8 uqsub8 uqasx uqsax usad8 usada8"),
    (_divide, "sdiv udiv"),
    (_load, "ldr ldrb ldrh ldrsb ldrsh ldrt ldrbt ldrht ldrsbt ldrsht ldrd ldrex ldrexb ldrexh pld pldw pli"),
    (_store, "str strb strh strt strbt strht strd strex strexb strexh"),
    (_multiple, "ldm ldmdb stm stmdb push pop vldmia vldmdb vstmia vstmdb vpush vpop"),
    (_branch, "b bl blx bx cbz cbnz"),
    (_table_branch, "tbb tbh"),
    (_no_operation, "nop it"),
    (_system, "mrs msr dmb dsb isb svc bkpt udf cps clrex wfi wfe sev yield"),
    (_fp_iterative, "vdiv vsqrt"),
    (_fp_compare, "vcmp vcmpe"),
    (_fp_status, "fmstat vmrs vmsr"),
    (_fp_move, "vmov fconsts fconstd"),
    (_fp_load_store, "vldr vstr"),
    (_fp_fused, "vfma vfms vfnma vfnms vmla vmls vnmla vnmls"),
):  # fmt: skip
    _GROUPS.update(dict.fromkeys(_names.split(), _group))

_MULTIPLY_PREFIXES = ("mul", "mla", "mls", "smul", "smla", "smls", "smua", "smus", "smm", "uml", "umu", "uma")


def _group_of(instruction: CsInsn, name: str) -> _Group:
    if name == "hint":  # capstone calls NOP, WFI, WFE, SEV and YIELD so
        name = instruction.mnemonic.split(".")[0]
    group = _GROUPS.get(name)
    if group is not None:
        return group
    if name.startswith("v"):
        return _fp_arithmetic
    return _multiply if name.startswith(_MULTIPLY_PREFIXES) else _simd


def _is_conditional(instruction: CsInsn) -> bool:
    return instruction.cc not in (ARM_CC_INVALID, ARM_CC_AL)


class Decoder:
    """Turns code into operations.

    Args:
        parameters: Where issue cycles come from.
    """

    def __init__(self, parameters: PipelineParameters | None = None) -> None:
        self._parameters = parameters or PipelineParameters()
        self._capstone = Cs(CS_ARCH_ARM, CS_MODE_THUMB | CS_MODE_MCLASS | CS_MODE_V8)
        self._capstone.detail = True

    def operations(self, code: bytes, address: int) -> tuple[Operation, ...]:
        """One operation an instruction of ``code``, which stands at ``address``.

        What is no instruction counts as one that issues alone, so that a count of operations is always the
        count of instructions.
        """
        return tuple(operation for _, operation in self.decoded(code, address))

    def decoded(self, code: bytes, address: int) -> Iterator[tuple[CsInsn | None, Operation]]:
        """The same, each with what the disassembler says of it; None of what is no instruction."""
        at = 0
        while at + 1 < len(code):
            done = at
            for instruction in self._capstone.disasm(code[at:], address + at):
                done = instruction.address - address + instruction.size
                yield instruction, self._operation(instruction)
            at = done
            if at + 1 < len(code):
                # ARMv7-M A5.1: a first half-word from 0xE800 on begins a 32-bit instruction.
                size = 4 if code[at + 1] >= 0xE8 and at + 3 < len(code) else 2
                yield None, Operation(address + at, size, f".inst 0x{code[at : at + size].hex()}", alone=True)
                at += size

    def _operation(self, instruction: CsInsn) -> Operation:
        name = instruction.insn_name()
        draft = _Draft(name)
        group = _group_of(instruction, name)
        group(draft, instruction, _operand_registers(instruction), self._parameters)
        if _is_conditional(instruction) and group is not _branch and name != "it":
            draft.read((FLAGS,), Port.CONDITION)
        return Operation(
            address=instruction.address,
            size_bytes=instruction.size,
            text=f"{instruction.mnemonic} {instruction.op_str}".strip(),
            reads=tuple(draft.reads),
            writes=tuple(draft.writes),
            units=draft.units,
            issue_cycles=draft.issue_cycles,
            alone=draft.alone,
            older_slot_only=draft.older_slot_only,
            early=draft.early,
            is_fused=draft.is_fused,
            waits_for_fused=draft.waits_for_fused,
            branch=draft.branch,
            target=draft.target,
            offset=draft.offset,
        )
