"""A history as one self-contained HTML page: charts over commits by Plotly, a table beside them.

Texts of commits are untrusted. They reach the page as JSON that cannot end its element, and its script shows them as
text; the page's policy loads nothing, whatever were to get through.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from renode_mnist import remedies
from renode_mnist.errors import EnvironmentProblem
from renode_mnist.measure import history_series
from renode_mnist.measure.history import HistoryError
from renode_mnist.measure.history_series import Series
from renode_mnist.measure.measurement import Measurement
from renode_mnist.measure.metric import Metric
from renode_mnist.report import history_table, pages

_LEAST_HASH = 7
_NEWEST_HASH = 12


def render(history: Sequence[Measurement], title: str) -> str:
    """The page.

    Args:
        history: At least one commit, the oldest first.
        title: Of the page.

    Raises:
        EnvironmentProblem: Plotly is not installed.
        HistoryError: No commit has a case.
    """
    try:
        from plotly.offline import get_plotlyjs
    except ModuleNotFoundError as missing:
        raise EnvironmentProblem(f"the page needs {missing.name}", remedies.run_extra("plots")) from missing

    return pages.render(
        "history.html",
        identity=_identity(history),
        title=title,
        metrics=list(Metric),
        plotly=get_plotlyjs(),
        data=_element(_data(history)),
    )


def _identity(history: Sequence[Measurement]) -> list[tuple[str, str]]:
    """How many commits, and what made the figures of the newest: the breaks tell of changes before it."""
    first, last = (history_table.day(each.commit) for each in (history[0], history[-1]))
    days = first if first == last else f"{first} to {last}"
    newest = history[-1]
    rows = [
        ("commits", f"{len(history):,}, {days}"),
        ("newest", f"{newest.commit.id[:_NEWEST_HASH]}, measured by renode-mnist {newest.package}"),
    ]
    for label, values in (
        ("target", [case.target for case in newest.cases]),
        ("compiler", [case.compiler for case in newest.cases]),
        ("model of M7", [f"SHA-256 {case.cycle_model[:12]}…" for case in newest.cases if case.cycle_model]),
    ):
        if said := " | ".join(value for value in dict.fromkeys(values) if value):
            rows.append((label, said))
    return rows


def _element(data: Any) -> str:
    """JSON that a script element can hold: no character in it ends one, or begins a comment."""
    text = json.dumps(data, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _data(history: Sequence[Measurement]) -> dict[str, Any]:
    found = history_series.every(history)
    if not found:
        raise HistoryError("no commit of the history has a case", "Add one that has: `renode-mnist history add`.")
    length = _shortest_hash([each.commit.id for each in history])
    commits = [
        {
            "short": each.commit.id[:length],
            "message": each.commit.message,
            "author": each.commit.author,
            "date": history_table.day(each.commit),
            "url": each.commit.url,
        }
        for each in history
    ]
    by_case: dict[str, list[Series]] = {}
    for series in found:
        by_case.setdefault(series.case, []).append(series)
    cases = [
        {"name": name, "verdicts": [point.verdict for point in series[0].points], "parts": _parts(series)}
        for name, series in by_case.items()
    ]
    return {"commits": commits, "cases": cases}


def _parts(case: Sequence[Series]) -> list[dict[str, Any]]:
    """The whole case and each of its layers, with their figures by metric."""
    parts: dict[int | None, dict[str, Any]] = {}
    for series in case:
        part = parts.setdefault(series.layer, {"name": series.name, "layer": series.layer, "metrics": {}})
        part["metrics"][str(series.metric)] = {
            "title": series.metric.label,
            "unit": series.metric.unit,
            "figures": [point.figure for point in series.points],
            "changes": [point.percent for point in series.points],
            "breaks": {number: point.breaks for number, point in enumerate(series.points) if point.breaks},
        }
    return list(parts.values())


def _shortest_hash(hashes: Sequence[str]) -> int:
    """How many digits tell them apart."""
    return next(length for length in range(_LEAST_HASH, 65) if len({each[:length] for each in hashes}) == len(hashes))
