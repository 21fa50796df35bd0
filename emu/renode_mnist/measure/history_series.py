"""One figure of a history from commit to commit, with the places where it cannot be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from renode_mnist.measure.history import HistoryError
from renode_mnist.measure.measurement import CaseCost, Commit, Measurement
from renode_mnist.measure.metric import Metric


@dataclass(frozen=True)
class Point:
    """A commit's figure.

    Attributes:
        commit: Whose.
        figure: None where the commit has none.
        before: The last figure above it; None where there is none, or it was made otherwise.
        breaks: Why it cannot be compared with that: a sentence's part each, empty where it can be.
        verdict: Of the case: ``passed``, ``failed``, ``unjudged``; empty where the commit lacks it.
    """

    commit: Commit
    figure: int | None
    before: int | None
    breaks: tuple[str, ...]
    verdict: str

    @property
    def percent(self) -> float | None:
        """Growth since ``before``; None where there is nothing to compare with."""
        if self.figure is None or not self.before:
            return None
        return (self.figure / self.before - 1) * 100


@dataclass(frozen=True)
class Series:
    """A figure of a case or of a layer.

    Attributes:
        case: ``MODEL/ENGINE``.
        layer: Its place; None for the whole case.
        op: The layer's operator where it was last there; empty for the whole case.
        metric: Which figure.
        points: The oldest commit first.
    """

    case: str
    layer: int | None
    op: str
    metric: Metric
    points: tuple[Point, ...]

    @property
    def name(self) -> str:
        """``layer 1 CONV_2D``, or ``whole case``."""
        return "whole case" if self.layer is None else f"layer {self.layer} {self.op}"


def cases(history: Sequence[Measurement]) -> list[str]:
    """All that any commit has, in the order of the last one, those that it lacks behind."""
    return list(dict.fromkeys(cost.case for each in reversed(history) for cost in each.cases))


def layer_count(history: Sequence[Measurement], case: str) -> int:
    """Of the commit that has most."""
    return max((len(cost.layers) for each in history for cost in each.cases if cost.case == case), default=0)


def series(history: Sequence[Measurement], case: str, layer: int | None, metric: Metric) -> Series:
    """One of them.

    Raises:
        HistoryError: No commit has the case or the layer, or layers do not have that metric.
    """
    if case not in (known := cases(history)):
        raise HistoryError(f"no commit has the case {case}", f"There are: {', '.join(known) or 'none'}.")
    if layer is not None:
        _require_layer(layer, layer_count(history, case), case, metric)
    return _series(history, _costs(history, case), layer, metric)


def every(history: Sequence[Measurement]) -> list[Series]:
    """All that have a figure at all: each case and its layers, in each metric."""
    found = [
        _series(history, costs, layer, metric)
        for costs in (_costs(history, case) for case in cases(history))
        for layer in (None, *range(max(len(cost.layers) for cost in costs if cost is not None)))
        for metric in Metric
        if layer is None or metric.of_layers
    ]
    return [each for each in found if any(point.figure is not None for point in each.points)]


def _costs(history: Sequence[Measurement], case: str) -> list[CaseCost | None]:
    """What each commit has of a case."""
    return [next((cost for cost in each.cases if cost.case == case), None) for each in history]


def _series(
    history: Sequence[Measurement], costs: Sequence[CaseCost | None], layer: int | None, metric: Metric
) -> Series:
    """One, of the commits' costs of its case, of which there is one at least."""
    points: list[Point] = []
    case = op = ""
    last: tuple[CaseCost, int] | None = None
    for measurement, cost in zip(history, costs, strict=True):
        figure = None if cost is None else _figure(cost, layer, metric)
        breaks: tuple[str, ...] = ()
        before = None
        if cost is not None:
            case = cost.case
        if cost is not None and figure is not None:
            if last is not None:
                breaks = tuple(_breaks(last[0], cost, layer, metric))
                before = None if breaks else last[1]
            last = cost, figure
            op = cost.layers[layer].op if layer is not None else ""
        points.append(Point(measurement.commit, figure, before, breaks, cost.verdict if cost else ""))
    return Series(case, layer, op, metric, tuple(points))


def _require_layer(layer: int, count: int, case: str, metric: Metric) -> None:
    if not metric.of_layers:
        raise HistoryError(
            f"{metric.label} is of a whole image, not of a layer", "Take `--metric cycles` or `instructions`."
        )
    if layer >= count:
        remedy = f"It has 0 to {count - 1}." if count else "No commit tells its layers."
        raise HistoryError(f"{case} has no layer {layer}", remedy)


def _figure(cost: CaseCost, layer: int | None, metric: Metric) -> int | None:
    if layer is None:
        return metric.of(cost)
    return metric.of(cost.layers[layer]) if layer < len(cost.layers) else None


def _breaks(old: CaseCost, new: CaseCost, layer: int | None, metric: Metric) -> list[str]:
    """What the two were made by that the figure depends on, where it differs."""
    made_by = [("compiler", old.compiler, new.compiler), ("target", old.target, new.target)]
    if metric is Metric.CYCLES:  # instructions and bytes depend on neither
        made_by.append(("cycle model", old.cycle_model[:12], new.cycle_model[:12]))
        made_by.append(("clock", f"{old.clock_mhz} MHz", f"{new.clock_mhz} MHz"))
    if layer is not None:
        made_by.append(("operator", old.layers[layer].op, new.layers[layer].op))
    return [f"{what} {was or 'not told'} → {now or 'not told'}" for what, was, now in made_by if was != now]
