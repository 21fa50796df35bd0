"""Which figures of the model each microbenchmark speaks of, and which it determines.

The benchmarks themselves are the firmware's (``firmware/calibration/routines.hpp``); here they go by its names.
"""

from __future__ import annotations

from dataclasses import dataclass

ROUNDS = 8
MOST_ROUNDS = 1000
"""As firmware/calibration/model_config.hpp has it."""

_PAIRING = "dual_issue: which pairs"
_BLOCKS = "narrow_instructions_for_pairing_across"
_PREDICTOR = "how branches are predicted, misprediction_cycles"
_DIVIDE = "integer_divide_cycles, which the model takes as one for all operands"
_REPLACEMENT = "which line the data cache gives up; chance here"
_NOT_MODELLED = "none: the model has no time for it"


@dataclass(frozen=True)
class Fit:
    """How a parameter is determined.

    Attributes:
        parameter: One of ``adjusted.NAMES``.
        benchmark: A cycle more of the parameter is a cycle a unit more here.
        beside: What is taken off first: the same work without what the parameter is of; empty where there is none.
    """

    parameter: str
    benchmark: str
    beside: str = ""


FITS = (
    Fit("forwarding.word_loaded.early", "LDR to the next one's address"),
    Fit("forwarding.narrow_loaded.early", "LDRB to the next one's address"),
    Fit("forwarding.alu.early", "ADD, shifted"),
    Fit("forwarding.saturated.early", "SSAT"),
    Fit("forwarding.multiplied.multiplicand", "MUL"),
    Fit("forwarding.fp_calculated.fp_operand", "VADD"),
    Fit("forwarding.fp_fused.fp_fused_accumulator", "VFMA, accumulator"),
    Fit("forwarding.fp_fused.fp_operand", "VFMA, factor"),
    Fit("forwarding.fp_chained.fp_chained_accumulator", "VMLA, accumulator"),
    Fit("fused_shadow_cycles", "VFMA, VADD"),
    Fit("integer_divide_cycles", "UDIV, quotient of 17 bits"),
    Fit("fp_divide_cycles", "VDIV"),
    Fit("fp_square_root_cycles", "VSQRT"),
    Fit("table_branch_cycles", "TBB"),
    Fit("store_to_load_cycles", "STR, LDR of it"),
    Fit("unaligned_cycles", "LDR at 1"),
    Fit("axi_cycles", "line of flash, 60 cycles apart", "line of DTCM, 60 cycles apart"),
    Fit("flash_beats", "line of flash after line", "line of flash, 60 cycles apart"),
    Fit("sram_beats", "line of SRAM1 after line", "line of SRAM1, 60 cycles apart"),
)

_BY_NAME = {
    "LDR, ADD to the next one's address": "forwarding.word_loaded.late, forwarding.alu.early",
    "ADD": "forwarding.alu.late",
    "SXTB16": "forwarding.alu.late",
    "MLA, accumulator": "forwarding.multiplied.accumulator",
    "SMLAD, accumulator": "forwarding.multiplied.accumulator",
    "VMUL": "forwarding.fp_calculated.fp_operand",
    "VFMA, four accumulators": "one VFMA a cycle",
    "CMP, IT, ADDEQ": "forwarding.set_flags.condition; IT takes a slot",
    "TBB": "table_branch_cycles",
    "B": _BLOCKS,
    "BNE, always taken": _BLOCKS,
    "BEQ, never taken, and NOP": _PAIRING,
    "BL, BX LR, B": f"{_BLOCKS}; returns are predicted",
    "MRS": "system_cycles",
    "DSB": "system_cycles",
    "ISB": "system_cycles",
    "SVC, entry and return": _NOT_MODELLED,
    "SVC, entry and return, FPU in use": _NOT_MODELLED,
    "STR at 1": "unaligned_cycles, of which stores have none",
    "LDR at 30, two lines of SRAM1": "unaligned_cycles",
    "STR, LDR of elsewhere": "store_to_load_bytes",
    "STR x8 to DTCM": "one store a cycle",
    "LDR of DTCM, 32 B apart": "one load a cycle of a bank",
    "LDR of SRAM1, 32 B apart, cached": "a hit costs nothing",
    "line of DTCM, 60 cycles apart": "the work beside a line",
    "line of SRAM1, 60 cycles apart": "axi_cycles",
    "line of flash, 60 apart, 15 wait states": "axi_cycles; a wait state is a cycle",
    "line of flash by ITCM, 60 apart": "the ART accelerator with data",
    "line of flash by ITCM, 60 apart, no ART": "the flash's access",
    "line of 4 kB of SRAM1, over and over": _REPLACEMENT,
    "line of 4.5 kB of SRAM1, over and over": _REPLACEMENT,
    "line of 5 kB of SRAM1, over and over": _REPLACEMENT,
    "line of 6 kB of SRAM1, over and over": _REPLACEMENT,
    "LDR x8 of flash, missed": "axi_cycles, flash_beats: words of a line on its way",
    "LDR x8 of flash, data cache off": "axi_cycles",
    "LDR x8 of SRAM1, data cache off": "axi_cycles",
    "32 B copied from flash to DTCM": "axi_cycles, flash_beats",
    "32 B copied from flash to SRAM1": "axi_cycles, sram_beats: lines on their way while others are written",
    "32 B over AXI, missed": "axi_cycles, flash_beats",
    "32 B over AXI, missed, 15 wait states": "axi_cycles, flash_beats; a wait state is a cycle",
    "32 B over AXI, no instruction cache": "axi_cycles",
    "32 B over ITCM": "the ART accelerator's prefetch",
    "32 B over ITCM, no prefetch": "the flash's access",
    "32 B over ITCM, no ART": "the flash's access",
}
_BY_GROUP = {
    "a pair": _PAIRING,
    "several registers": "how long LDM, STM and their like issue",
    "branch": _PREDICTOR,
    "division": _DIVIDE,
    "not aligned": "unaligned_cycles",
    "store": "sram_beats, axi_cycles: the store buffers",
    "data": "axi_cycles",
}


def speaks_of(group: str, name: str) -> str:
    """What of the model a benchmark judges.

    Raises:
        KeyError: The firmware has a benchmark that is not known here.
    """
    fitted = next((fit.parameter for fit in FITS if fit.benchmark == name), "")
    return fitted or _BY_NAME.get(name) or _BY_GROUP[group]
