"""The Cortex-M7's pipeline in figures, each with its source.

Arm publishes no cycle table for this core. Sources, by the letter that the comments use:

* L: LLVM ``ARMScheduleM7.td``, contributed with Arm's knowledge of the stages (EX1 to EX4).
* J: github.com/jnk0le/random, "pipeline cycle test", cortex_m7.md: measured on an STM32H743.
* Q: quinapalus.com/cm7cycles.html: measured on an STM32H730.
* S: SLOTHY's model of this core (Abdulrahman, Kannwischer, Lim, eprint 2025/366), tuned on an STM32F767.
* T: Arm Cortex-M7 Technical Reference Manual, DDI 0489F.

No figure is fitted to a program's run time. Where sources differ, a measurement goes before a compiler's
table.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from renode_mnist.timing.operation import Port, Result

_Row = dict[Port, int]


def _core(*, late: int, early: int, multiplicand: int, accumulator: int, beside: int | None = None) -> _Row:
    return {
        Port.LATE: late,
        Port.EARLY: early,
        Port.BESIDE_EARLY: late if beside is None else beside,
        Port.MULTIPLICAND: multiplicand,
        Port.ACCUMULATOR: accumulator,
        Port.STORED: 0,  # J: a store takes any result of its own cycle, also an LDRB's
        Port.CORE_TO_FP: max(1, late),  # J: VMOV from a core register, 1 cycle behind any ALU
    }


def _fp(*, operand: int, fused: int, chained: int, stored: int, to_core: int, copied: int) -> _Row:
    return {
        Port.FP_OPERAND: operand,
        Port.FP_FUSED_ACCUMULATOR: fused,
        Port.FP_CHAINED_ACCUMULATOR: chained,
        Port.FP_STORED: stored,
        Port.FP_TO_CORE: to_core,
        Port.FP_COPIED: copied,
    }


FORWARDING_CYCLES: dict[Result, _Row] = {
    # L: ALUs in EX2, address generation and shifts in EX1. J: accumulator read one stage behind the late ALU.
    Result.ALU: _core(late=1, early=2, multiplicand=1, accumulator=0),
    # J: "result of early alu can be forwarded to late alu in 0 cycles, or early alu next cycle".
    Result.EARLY_ALU: _core(late=0, early=1, multiplicand=0, accumulator=0),
    # J: REV, RBIT to a late reader at once, not to address generation, REV or a shifted operand next cycle.
    Result.EARLY_REVERSE: _core(late=0, early=2, multiplicand=0, accumulator=0),
    # L: "Update is bypassable out of EX1".
    Result.BASE_UPDATE: _core(late=0, early=1, multiplicand=0, accumulator=0),
    # L: latency 2 for SSAT, QADD, USAD8.
    Result.SATURATED: _core(late=2, early=3, multiplicand=2, accumulator=1),
    # J, Q: multiplies have one more cycle; accumulators chain every cycle.
    Result.MULTIPLIED: _core(late=2, early=3, multiplicand=2, accumulator=1),
    # J: a word is there for the late ALU next cycle, not for an instruction with an early operand, not for a
    # multiplicand. L, Q: two cycles to an address (Q: LDR, LDR dependent = 3 for the pair).
    Result.WORD_LOADED: _core(late=1, early=2, multiplicand=2, accumulator=0, beside=2),
    # J: byte and half-word loads, second cycle to the late ALU, third to the early, next to an accumulator.
    Result.NARROW_LOADED: _core(late=2, early=3, multiplicand=2, accumulator=1),
    # Q: ADCS after ADCS takes the next cycle. J: no flags from the early ALU in the same cycle.
    Result.SET_FLAGS: {Port.CONDITION: 1, Port.PREDICTED: 0},
    # L: WriteCMPsi, WriteCMPsr have latency 2.
    Result.SET_FLAGS_SHIFTED: {Port.CONDITION: 2, Port.PREDICTED: 0},
    # J, table of result latencies: VADD, VMUL.
    Result.FP_CALCULATED: _fp(operand=3, fused=3, chained=2, stored=1, to_core=3, copied=3),
    # J: VFMA 5 to an operand, 3 to the accumulator of the next (2 of VMLA), 3 to VSTR, 5 to VMOV.
    Result.FP_FUSED: _fp(operand=5, fused=3, chained=2, stored=3, to_core=5, copied=5),
    # J: VMLA 6, 3 to the next VMLA, 4 to VSTR. To VFMA's accumulator not measured; one more than to VMLA's,
    # as for the other producers.
    Result.FP_CHAINED: _fp(operand=6, fused=4, chained=3, stored=4, to_core=6, copied=6),
    # J: VLDR 1, but 3 to VFMA's accumulator and 2 to VMLA's; 2 to VMOV into the core.
    Result.FP_LOADED: _fp(operand=1, fused=3, chained=2, stored=0, to_core=2, copied=1),
    # J: VMOV into a floating-point register 3 to all; its way to a store and to VMLA taken as VADD's.
    Result.FP_MOVED: _fp(operand=3, fused=3, chained=2, stored=1, to_core=3, copied=3),
    # L: VCMP has latency 0, and VMRS issues alone: next cycle at the earliest.
    Result.FP_COMPARED: {Port.CONDITION: 0},
}
"""Cycles from the issue of the maker to the issue of the reader, by how it is made and where it enters."""


@dataclass(frozen=True)
class PipelineParameters:
    """Figures that are no forwarding time.

    Attributes:
        fused_shadow_cycles: J: VADD, VLDM, VSTM, VLDR.D, VMOV #imm can't start for so many cycles behind a
            VFMA; VLDR, VSTR and VMOV can't pair as the younger one.
        integer_divide_cycles: L: SDIV and UDIV stall for their latency; data dependent, 7 is LLVM's constant.
        fp_divide_cycles: J: VDIV.F32, the pipeline locked. L has 16 as well.
        fp_square_root_cycles: J: VSQRT.F32 measured 14. L has 16.
        table_branch_cycles: L: TBB and TBH take two cycles to issue.
        system_cycles: L: MRS, MSR, barriers, "in reality, many look likely to stall the whole pipeline".
        misprediction_cycles: J: "from 8 to 6 cycles" when the flags were set early. What is predicted right costs
            nothing, and waits for no flags.
        early_flags_misprediction_cycles: The 6 of it.
        narrow_instructions_for_pairing_across: J: a taken branch that is predicted "is capable of dual issuing with
            one instruction at destination address", after "at least 2 .n instructions". Counted in the branch's own
            block and with the branch: that author's AES for this core relies on one before a narrow branch
            (CM7_1T_AES128_keyschedule_enc.S).
        early_flags_cycles: J: how long before the branch is early, "at least 3 cycles".
        store_to_load_cycles: S: a load from (almost) where a store has just gone is kept 8 issue slots away from it.
            Code without optimisation does little else.
        store_to_load_bytes: S: how near is near.
        dual_issue: T 1.1: in-order, super-scalar. Off, it shows what pairing is worth.
    """

    fused_shadow_cycles: int = 3
    integer_divide_cycles: int = 7
    fp_divide_cycles: int = 16
    fp_square_root_cycles: int = 14
    table_branch_cycles: int = 2
    system_cycles: int = 3
    misprediction_cycles: int = 8
    early_flags_misprediction_cycles: int = 6
    narrow_instructions_for_pairing_across: int = 2
    early_flags_cycles: int = 3
    store_to_load_cycles: int = 4
    store_to_load_bytes: int = 8
    dual_issue: bool = True
    forwarding: dict[Result, _Row] = field(default_factory=lambda: FORWARDING_CYCLES)

    @cached_property
    def forwarding_table(self) -> list[list[int]]:
        """``forwarding`` as ``[result][port]``; a pair that can't meet (a load into a flag) costs 1."""
        return [[self.forwarding[result].get(port, 1) for port in Port] for result in Result]
