"""Turns rows of a benchmark, and ELFs of which only sections are known, into the cases of a measurement."""

from __future__ import annotations

from pathlib import Path

from renode_mnist.measure.bench import Row
from renode_mnist.measure.budgets import PROGRAM
from renode_mnist.measure.judged import CaseVerdict
from renode_mnist.measure.measurement import MOST_LAYERS, CaseCost, Layer
from renode_mnist.plain_text import one_line

_INSTRUCTIONS = "instructions"
_MODELLED = "cycles_modelled"


def cost(row: Row, verdict: CaseVerdict, accuracy: float | None) -> CaseCost:
    """A row as a case.

    Args:
        row: Of any target.
        verdict: On it.
        accuracy: The share of labelled samples, where there are some.
    """
    return CaseCost(
        case=one_line(row.case),
        target=one_line(str(row.target["target"])),
        compiler=one_line(str(row.firmware["compiler"])),
        cycle_model=one_line(str(row.target.get("cycle_model_sha256", ""))),
        clock_mhz=row.clock_mhz,
        instructions=row.counts.get(_INSTRUCTIONS),
        cycles_modelled=row.counts.get(_MODELLED),
        flash_bytes=row.flash_bytes,
        ram_bytes=row.ram_bytes,
        accuracy=accuracy,
        verdict=verdict.verdict,
        reasons=verdict.reasons,
        layers=[
            Layer(
                op=one_line(layer.op),
                instructions=layer.counts.get(_INSTRUCTIONS),
                cycles_modelled=layer.counts.get(_MODELLED),
            )
            for layer in row.layers[:MOST_LAYERS]
        ],
    )


def case_of_elf(elf: Path) -> str:
    """How an ELF that says nothing of itself is called."""
    return one_line(f"{elf.stem.replace('/', '_')}/{PROGRAM}")


def sections_cost(elf: Path, flash_bytes: int, ram_bytes: int, verdict: CaseVerdict) -> CaseCost:
    """An ELF that was not run, by its sections."""
    return CaseCost(
        case=case_of_elf(elf),
        target="",
        compiler="",
        cycle_model="",
        clock_mhz=0,
        instructions=None,
        cycles_modelled=None,
        flash_bytes=flash_bytes,
        ram_bytes=ram_bytes,
        accuracy=None,
        verdict=verdict.verdict,
        reasons=verdict.reasons,
        layers=[],
    )
