"""Each published rule of the Cortex-M7's pipeline as a small loop with the cycles that were measured for it.

J: github.com/jnk0le/random, cortex_m7.md (STM32H743). Q: quinapalus.com/cm7cycles.html (STM32H730). A: Arm
community, "Cortex-M7 VFMA usage". L: LLVM's ARMScheduleM7.td. Bodies are
repeated until the pipeline is in its steady state.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from assembler import assemble, needs_assembler
from renode_mnist.timing.decode import Decoder
from renode_mnist.timing.pipeline import Pipeline

pytestmark = needs_assembler


def cycles_each(source: str, directory: Path, *, iterations: int = 48) -> float:
    """Cycles of one pass over ``source`` in the steady state, no branch counted."""
    operations = Decoder().operations(assemble(source, directory), 0x0800_0000)
    pipeline = Pipeline()
    for _ in range(iterations):
        pipeline.run(operations)
    start = pipeline.cycles
    for _ in range(iterations):
        pipeline.run(operations)
    return (pipeline.cycles - start) / iterations


RULES = {
    # Dual issue of plain data processing.
    "independent adds pair": ("add r0, r0, #1; add r1, r1, #1", 1),
    "a chain of adds is one a cycle": ("add r0, r0, #1; add r0, r0, #1", 2),
    "J: MOVW and MOVT of one register pair": ("movw r0, #1; movt r0, #2", 1),
    "J: an early add feeds a late shifted operation in its own cycle": (
        "add.w r0, r1, r2; eor.w r6, r0, r7, ror #22; nop.w; nop.w",
        2,
    ),
    "Q: ADCS after ADCS waits for the carry": ("adcs.w r0, r0, r1; adcs.w r2, r2, r3", 2),
    # One early shifter.
    "J: two shifted operands don't pair": ("add r0, r1, r2, lsl #2; add r3, r4, r5, lsl #2", 2),
    "J: two shifted constants don't pair": ("eor r0, r1, #0x1fc0; eor r2, r3, #0x1fc0", 2),
    "J: two pattern constants pair": ("eor r0, r1, #0x1b1b1b1b; eor r2, r3, #0x1b1b1b1b", 1),
    "J: plain shifts pair": ("lsl.w r0, r1, #2; ror.w r2, r3, r4", 1),
    "J: a shifted operand pairs with a younger plain shift": ("add r0, r1, r2, lsl #2; lsl.w r3, r4, #2", 1),
    # Extensions and DSP.
    "J: bit-field and DSP instructions don't pair": ("uxtb.w r0, r1; uadd8 r2, r3, r4", 2),
    "J: an extension as the older one pairs": ("uxtb.w r0, r1; add.w r2, r3, r4", 1),
    "J: SXTB16 and SMLAD pair": ("sxtb16 r0, r1; smlad r2, r3, r4, r2", 1),
    # Multiplies.
    "J, Q: two multiplies don't pair": ("smlad r0, r1, r2, r0; smlad r3, r4, r5, r3", 2),
    "J: accumulators chain every cycle": ("smlad r0, r1, r2, r0; smlal r4, r5, r6, r7", 2),
    "J: SMLAD pairs with a load": ("smlad r0, r1, r2, r0; ldr r3, [r4]", 1),
    "J: SMLAD pairs with no store": ("smlad r0, r1, r2, r0; str r3, [r4]", 2),
    "Q: a product is there after 2 cycles": ("mul r0, r0, r1", 2),
    "J: a loaded multiplicand waits 2 cycles": ("ldr r1, [r4]; smlad r0, r1, r1, r0; nop.w; nop.w", 3),
    # Loads and stores.
    "J: loads of an even and an odd word pair": ("ldr r0, [r8]; ldr r1, [r8, #4]", 1),
    "J: loads from one bank don't pair": ("ldr r0, [r8]; ldr r1, [r8, #8]", 2),
    "L, Q: a load feeds an address after 2 cycles": ("ldr r0, [r0]", 2),
    "J: a word is there for the next cycle": ("ldr r0, [r8]; add r1, r0, #1", 1),
    "J: a byte is there a cycle later": ("ldrb r0, [r8]; add r1, r0, #1", 2),
    "J: a load and a store pair": ("ldr r0, [r8]; str r1, [r9]", 1),
    "J: a store takes what is loaded in its cycle": ("ldr r0, [r8]; str r0, [r9]", 1),
    "J: two stores don't pair": ("str r0, [r8]; str r1, [r9]", 2),
    "J: post-indexed loads go back to back": ("ldr r0, [r8], #4; add r2, r3, r4", 1),
    "J: LDM takes half a cycle a register, alone": ("ldm r8, {r0-r3}; nop.w", 3),
    "J: LDM of an odd number rounds up": ("ldm r8, {r0-r4}", 3),
    "J: LDRD pairs with nothing": ("ldrd r0, r1, [r8]; nop.w", 2),
    # Floating point.
    "J: VFMA needs three accumulators for one a cycle": (
        "vfma.f32 s0, s8, s9; vfma.f32 s1, s8, s9; vfma.f32 s2, s8, s9",
        3,
    ),
    "J: one accumulator is one VFMA in three cycles": ("vfma.f32 s0, s8, s9", 3),
    "J: VADD is there after 3 cycles": ("vadd.f32 s0, s0, s1", 3),
    "J: VFMA pairs with an integer load": (
        "vfma.f32 s0, s8, s9; ldr r0, [r8]; vfma.f32 s1, s8, s9; ldr r0, [r8]; vfma.f32 s2, s8, s9; ldr r0, [r8]",
        3,
    ),
    "J: VFMA pairs with no VLDR": (
        "vfma.f32 s0, s8, s9; vldr s4, [r8]; vfma.f32 s1, s8, s9; vldr s4, [r8]; vfma.f32 s2, s8, s9; vldr s4, [r8]",
        6,
    ),
    "A: independent VFMA and VADD take 2.5 cycles each": ("vfma.f32 s0, s8, s9; vadd.f32 s1, s2, s3", 5),
    "A: independent VMUL and VADD take one each": ("vmul.f32 s0, s8, s9; vadd.f32 s1, s2, s3", 2),
    "J: two VMULs don't pair": ("vmul.f32 s0, s8, s9; vmul.f32 s1, s8, s9", 2),
    "J: VMUL pairs with an add": ("vmul.f32 s0, s8, s9; add r0, r1, r2", 1),
    "J: VMOV of two registers is alone": ("vmov s0, s1, r0, r1; nop.w", 2),
    "J: VDIV locks the pipeline for 16 cycles": ("vdiv.f32 s0, s1, s2", 16),
    "J: VSQRT locks it for 14": ("vsqrt.f32 s0, s1", 14),
    "J: VLDR is there in the next cycle": ("vldr s0, [r0]; vmul.f32 s1, s0, s0", 1),
    # Predication.
    "J: IT takes a slot, and what it skips issues all the same": ("it eq; moveq r0, r1; nop.w; nop.w", 2),
}


@pytest.mark.parametrize("rule", RULES)
def test_rule(rule: str, tmp_path: Path) -> None:
    source, expected = RULES[rule]
    assert cycles_each(source, tmp_path) == expected


def test_int8_kernel_with_single_loads(tmp_path: Path) -> None:
    """Beside each SMLAD (2 MACs) one LDR: the published bound is half a cycle a MAC."""
    pairs = [f"ldr r{i % 2}, [r9, #{4 * i}]; smlad r{2 + i}, r7, r8, r{2 + i}" for i in range(4)]
    assert cycles_each("; ".join(pairs), tmp_path) / 8 == 0.5


def test_float_kernel_with_integer_loads(tmp_path: Path) -> None:
    """Six VFMAs beside LDRs, then a VMOV of two words: 1.17 cycles/MAC (facts, kernels.md)."""
    pairs = [f"vfma.f32 s{i}, s10, s11; ldr r{1 + i % 2}, [r0, #{4 * i}]" for i in range(6)]
    cycles = cycles_each("; ".join([*pairs, "vmov s12, s13, r1, r2"]), tmp_path)
    assert cycles / 6 == pytest.approx(1.17, abs=0.01)
