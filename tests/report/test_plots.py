"""Plots of figures that no network has."""

from __future__ import annotations

import warnings

from renode_mnist.measure.bench import PARTS, LayerCost, Row
from renode_mnist.report import plots


def row(case: str, operator: str) -> Row:
    counts = {"instructions": 100, "cycles_modelled": 200}
    split = dict.fromkeys(PARTS, 20)
    layer = LayerCost("", operator, 0, counts, {}, split)
    return Row(case, 216, counts, (layer,), 1000, 500, 300, {"target": "embedded"}, {}, split)


def test_a_long_name_leaves_room_for_bars() -> None:
    both = [row(f"{'a_long_name_' * 12}{end}", "OPERATOR_" * 12) for end in ("1/m7", "2/m7")]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib only warns where it has no room
        shown = [plots.layers(both).svg(), plots.memory(both).svg()]
    assert "name_1/m7<" in shown[0]
    assert all("a_long_name_" * 4 not in svg for svg in shown)
