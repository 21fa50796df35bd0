"""The pipeline model and LLVM's agree where LLVM models what there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from assembler import assemble, needs_assembler
from renode_mnist.errors import EnvironmentProblem
from renode_mnist.timing import llvm_mca
from renode_mnist.timing.decode import Decoder
from renode_mnist.timing.pipeline import Pipeline

needs_llvm_mca = pytest.mark.skipif(llvm_mca.find_llvm_mca() is None, reason="llvm-mca is not installed (llvm)")

LOOPS = {
    "16-bit dot product, unpacked": (
        "sxtb16 r6, r4, ror #8; smlad r8, r6, r5, r8; sxtb16 r7, r4; smlad r8, r7, r5, r8"
    ),
    "dependent VMUL and VADD": "vmul.f32 s2, s2, s8; vadd.f32 s2, s2, s9",
    "CRC step": ("eor.w r2, r0, r1; and.w r2, r2, #1; rsb r2, r2, #0; and.w r2, r2, r5; eor.w r1, r2, r1, lsr #1"),
    "pointer chase": "ldr r0, [r0]",
    "byte copy": "ldrb r2, [r0, #1]; strb r2, [r1, #1]",
    "long multiply": "umull r2, r3, r0, r1; umlal r4, r5, r0, r1",
    "three VFMAs": "vfma.f32 s0, s8, s9; vfma.f32 s1, s8, s9; vfma.f32 s2, s8, s9",
    "one VFMA after the other": "vfma.f32 s0, s8, s9",
    "carry chain": "adcs.w r0, r0, r1; adcs.w r2, r2, r3",
    "loads and stores": "ldr r0, [r8]; str r1, [r9]; ldr r2, [r8, #4]; str r3, [r9, #4]",
}


@needs_assembler
@needs_llvm_mca
@pytest.mark.parametrize("name", LOOPS)
def test_the_two_models_agree(name: str, tmp_path: Path) -> None:
    source = LOOPS[name]
    operations = Decoder().operations(assemble(source, tmp_path), 0)
    pipeline = Pipeline()
    for _ in range(100):
        pipeline.run(operations)
    theirs = llvm_mca.loop_cycles(source.split(";"), iterations=100)
    assert pipeline.cycles / 100 == pytest.approx(theirs, abs=0.1)


@needs_llvm_mca
def test_what_llvm_refuses_is_said() -> None:
    with pytest.raises(EnvironmentProblem, match=r"llvm-mca refuses the loop: .*IT"):
        llvm_mca.loop_cycles(["it eq", "moveq r0, r1"])


def test_a_missing_llvm_mca_comes_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llvm_mca, "find_llvm_mca", lambda: None)
    with pytest.raises(EnvironmentProblem, match=r"not installed\. Run `"):
        llvm_mca.loop_cycles(["nop"])
