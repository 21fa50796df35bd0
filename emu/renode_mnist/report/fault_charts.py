"""A campaign of faults drawn: which layers matter, and which bits of their constants."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from renode_mnist.measure.faults.campaign import Campaign
from renode_mnist.measure.faults.fault import Outcome, Place
from renode_mnist.measure.faults.tally import Share
from renode_mnist.report.bars import Bar, Chart, Part

WORD_BITS = 32
_LEAST_SCALE = 1.0
"""% at the end of the colours, where fewer flips than that were silent or none at all."""


def layers(found: Campaign) -> Chart:
    """Of each layer's constants, the share of flipped bits that make an answer silently wrong, with its interval."""
    bars = []
    for tally in found.by_layer():
        for series, (name, share) in enumerate(
            (
                ("other scores", tally.share(Outcome.SILENT)),
                ("other class", Share(tally.other_class, tally.faults)),
            )
        ):
            low, high = share.interval
            said = f"{100 * share.share:.1f} %"
            part = Part(100 * share.share, series, said)
            bars.append(Bar(f"{tally.name}, {name}", (part,), said, (100 * low, 100 * high)))
    caption = "% of flipped bits that nobody notices, each with the interval that holds it by 95 %."
    return Chart(caption, "%", ("other scores", "other class"), tuple(bars), ("series-1", "series-5"))


@dataclass(frozen=True)
class BitField:
    """Shares by array and bit of its 32-bit words.

    Attributes:
        most: % at the end of the colours.
        rows: An array and, from bit 31 down, % of its flips that changed the answer with how many there were; None
            where no fault has met that bit.
        said: What it comes to, for who does not see it.
    """

    most: float
    rows: tuple[tuple[str, tuple[tuple[float, int] | None, ...]], ...]
    said: str


def bits(found: Campaign) -> BitField:
    """By array and by bit of its 32-bit words, the share of flipped bits that change the answer."""
    parts = {each.fault.part for each in found.at(Place.WEIGHTS)}
    names = [array.name for array in found.arrays if array.name in parts]
    row_of = {name: row for row, name in enumerate(names)}
    tried = np.zeros((len(names), WORD_BITS), int)
    silent = np.zeros_like(tried)
    for each in found.at(Place.WEIGHTS):
        place = row_of[each.fault.part], 8 * (each.fault.address % 4) + each.fault.bit
        tried[place] += 1
        silent[place] += each.outcome is Outcome.SILENT
    rows = []
    worst = (0.0, "", 0)
    for row, name in enumerate(names):
        cells: list[tuple[float, int] | None] = []
        for bit in reversed(range(WORD_BITS)):
            count = int(tried[row, bit])
            share = 100 * int(silent[row, bit]) / count if count else 0.0
            worst = max(worst, (share, name, bit))
            cells.append((share, count) if count else None)
        rows.append((name, tuple(cells)))
    share, name, bit = worst
    said = f"most in bit {bit} of {name}: {share:.0f} % of its flips" if share else "no flip changed a score"
    return BitField(max(_LEAST_SCALE, share), tuple(rows), f"Shares of flips that changed scores; {said}.")
