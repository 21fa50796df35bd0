"""What a network answered, as tables: the best classes, or what kind of numbers an output holds."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from renode_mnist.report import grid
from renode_mnist.report.grid import Grid
from renode_mnist.session.answer import Answer, Output

_BEST = 5
_FEW = 8
"""Numbers of an output that are shown one by one."""


def render(answer: Answer) -> RenderableType:
    """The best classes of each output that is classes, then a row for each other output."""
    parts: list[RenderableType] = []
    for output in answer.outputs:
        if output.is_classes:
            parts += [Text(_title(output)), grid.table(_classes(output))]
    others = [output for output in answer.outputs if not output.is_classes]
    return Group(*parts, grid.table(_statistics(others))) if others else Group(*parts)


def _classes(output: Output) -> Grid:
    rows: tuple[tuple[str, ...], ...]
    if output.labels:
        headings: tuple[str, ...] = ("class", "index", "score")
        rows = tuple((output.label(index), str(index), f"{score:.4f}") for index, score in output.best(_BEST))
    else:
        headings = ("class", "score")
        rows = tuple((str(index), f"{score:.4f}") for index, score in output.best(_BEST))
    return Grid(headings, rows)


def _title(output: Output) -> str:
    least = min(_BEST, output.reals.size)
    return f"output {output.spec}: the best {least} of {output.reals.size} classes"


def _statistics(outputs: list[Output]) -> Grid:
    rows = tuple(
        (
            output.spec.name,
            f"{output.spec.dtype.name} {'x'.join(map(str, output.spec.shape)) or 'scalar'}",
            f"{output.reals.min():.6g}",
            f"{output.reals.max():.6g}",
            f"{output.reals.mean():.6g}",
            ", ".join(f"{value:.6g}" for value in output.reals.reshape(-1)) if output.reals.size <= _FEW else "",
        )
        for output in outputs
    )
    return Grid(("output", "type", "min", "max", "mean", "numbers"), rows, figures=(2, 3, 4))
