"""Plots of a campaign of faults: which layers matter, and which bits of their constants."""

from __future__ import annotations

import numpy as np
from matplotlib import colormaps

from renode_mnist.measure.faults.campaign import Campaign
from renode_mnist.measure.faults.fault import Outcome, Place
from renode_mnist.measure.faults.tally import Share
from renode_mnist.report.plots import Plot, axes_of, legend, short_name

_WORD_BITS = 32
_UNKNOWN = "#bbbbbb"
"""Of a bit that no fault has met."""
_LEAST_SCALE = 1.0
"""% at the end of the colours, where fewer flips than that were silent or none at all."""
_SILENT, _CLASS = "#e69f00", "#d55e00"


def layers(found: Campaign) -> Plot:
    """Of each layer's constants, the share of flipped bits that make an answer silently wrong, with its interval."""
    rows = found.by_layer()
    with axes_of(len(rows)) as (plot, axes):
        for offset, colour, label, shares in (
            (-0.2, _SILENT, "other scores", [each.share(Outcome.SILENT) for each in rows]),
            (0.2, _CLASS, "other class", [Share(each.other_class, each.faults) for each in rows]),
        ):
            values = np.array([100 * each.share for each in shares])
            ends = np.array([[100 * low, 100 * high] for low, high in (each.interval for each in shares)])
            reach = np.abs(ends.T - values) if len(values) else np.zeros((2, 0))
            places = np.arange(len(rows)) + offset
            axes.barh(places, values, height=0.38, color=colour, label=label)
            axes.errorbar(values, places, xerr=reach, fmt="none", ecolor="#666666", elinewidth=1, capsize=2)
        axes.set_yticks(range(len(rows)), [short_name(each.name) for each in rows])
        axes.set_xlabel("% of flipped bits, with 95 % interval")
        legend(axes, columns=2)
    return plot


def bits(found: Campaign) -> Plot:
    """By array and by bit of its 32-bit words, the share of flipped bits that change the answer."""
    parts = {each.fault.part for each in found.at(Place.WEIGHTS)}
    arrays = [array for array in found.arrays if array.name in parts]
    shares = np.full((len(arrays), _WORD_BITS), np.nan)
    rows = {array.name: row for row, array in enumerate(arrays)}
    tried, silent = np.zeros(shares.shape, int), np.zeros(shares.shape, int)
    for each in found.at(Place.WEIGHTS):
        place = rows[each.fault.part], 8 * (each.fault.address % 4) + each.fault.bit
        tried[place] += 1
        silent[place] += each.outcome is Outcome.SILENT
    np.divide(100 * silent, tried, out=shares, where=tried > 0)
    with axes_of(0.8 * max(len(arrays), 2)) as (plot, axes):
        # The colour of the axes would not do: pages save plots without it.
        colours = colormaps["magma_r"].with_extremes(bad=_UNKNOWN)
        most = max([_LEAST_SCALE, *shares[tried > 0]])
        image = axes.imshow(shares, aspect="auto", cmap=colours, vmin=0, vmax=most, interpolation="nearest")
        axes.set_ylim(-0.5, len(arrays) - 0.5)  # turned round by `axes_of`
        axes.invert_xaxis()  # the most significant at the left, as a word is written
        axes.set_xticks(range(0, _WORD_BITS, 4))
        axes.set_yticks(range(len(arrays)), [short_name(array.name) for array in arrays])
        axes.set_xlabel("bit of the word in flash")
        plot.colorbar(image, ax=axes, pad=0.02, fraction=0.05, label="% of flips: other scores")
    return plot
