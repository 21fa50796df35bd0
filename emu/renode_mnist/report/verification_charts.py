"""How far a network's tensors are off, as bars in the order of execution."""

from __future__ import annotations

import math

from renode_mnist.measure.verify import Verification
from renode_mnist.model.difference import Verdict, units_text
from renode_mnist.report.bars import Bar, Chart, Part, single

_MOST_UNITS = 1e9
"""What is further off, or no number, is drawn no longer."""

_COLOURS = {Verdict.EQUAL: "good", Verdict.WITHIN: "warn", Verdict.DIFFERENT: "bad"}


def errors(found: Verification) -> Chart:
    """How far each compared tensor is off; within what rounding explains or beyond."""
    rows = [(row, row.difference) for row in found.rows if row.difference is not None]
    verdicts = list(dict.fromkeys(difference.verdict for _, difference in rows))
    bars = []
    for row, difference in rows:
        said = f"{units_text(difference)}, {difference.share:.1%}" if difference.differing else "equal"
        part = Part(min(difference.most_units, _MOST_UNITS), verdicts.index(difference.verdict), said)
        bars.append(Bar(f"{row.step.split(' ')[0]}  {row.op}", (part,), said))
    caption = (
        f"The largest error of each tensor over {len(found.samples)} samples, in units in the last place, and the "
        "share of elements that differ. The scale is straight up to 1 and goes by powers of ten from there."
    )
    colours = tuple(_COLOURS[verdict] for verdict in verdicts)
    return Chart(caption, "units", tuple(map(str, verdicts)), tuple(bars), colours, by_tens=True)


def noise(found: Verification) -> Chart:
    """Signal to noise of each tensor against the float model."""
    bars = []
    for row in found.quantisation:
        if row.difference is None:
            continue
        decibels = row.difference.snr_db
        value = max(0.0, decibels) if math.isfinite(decibels) else 0.0
        bars.append(single(row.op, value, "no error" if decibels == math.inf else f"{decibels:.1f} dB"))
    caption = "Signal to noise of each tensor: the float model's values to the error. More is better."
    return Chart(caption, "dB", ("SNR",), tuple(bars))
