"""A benchmark's rows in the terms of the budget file."""

from __future__ import annotations

from collections.abc import Sequence

from renode_mnist.images import ImageOptions
from renode_mnist.measure.bench import LayerCost, Row
from renode_mnist.measure.budgets import EXACT, FALLBACKS

MODELLED = "cycles_modelled"
CLOCK_MHZ = ImageOptions.clock_mhz
"""At which budgets' modelled cycles are: the flash's wait states follow the clock."""
MODEL_DIGITS = 12
"""Of the digest of the model of the cycles, as of a commit: to tell one from the other, and to be read."""

_FUNCTION_SHARE = 0.01
"""Of the inference's instructions that a function must take in a layer to be written by its name."""


def by_case(rows: Sequence[Row]) -> list[Row]:
    """One row a case, that of the budgets' clock where there is one: only modelled cycles depend on it."""
    first = sorted(rows, key=lambda row: row.clock_mhz != CLOCK_MHZ)
    found = {row.case: row for row in reversed(first)}
    return [found[case] for case in dict.fromkeys(row.case for row in rows)]


def figures(row: Row) -> dict[str, int]:
    """What a case needs as a whole, by the keys of ``budgets.Bounds``; cycles of another clock are no budget's."""
    counts = {unit: count for unit, count in row.counts.items() if unit != MODELLED or row.clock_mhz == CLOCK_MHZ}
    fallbacks = {FALLBACKS: row.fallbacks} if any(layer.engine for layer in row.layers) else {}
    return {**counts, "flash_bytes": row.flash_bytes, "ram_bytes": row.ram_bytes, **fallbacks}


def cycle_model(row: Row) -> str | None:
    """Of which model the modelled cycles are; None where there are none."""
    digest = row.target.get("cycle_model_sha256")
    return str(digest)[:MODEL_DIGITS] if digest else None


def worth_a_name(row: Row, layer: LayerCost) -> dict[str, int]:
    """The instructions of those functions of a layer that are written one by one."""
    least = row.counts[EXACT] * _FUNCTION_SHARE
    return {function: count for function, count in layer.functions.items() if count >= least}
