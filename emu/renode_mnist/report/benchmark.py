"""A benchmark, to be looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from renode_mnist.measure.bench import Refused, Row
from renode_mnist.report import bench_table, grid, html

if TYPE_CHECKING:
    from renode_mnist.report.plots import Plot


@dataclass(frozen=True)
class Benchmark:
    """What models cost on engines, layer by layer.

    Attributes:
        rows: A row a case and clock, each with its identity.
        refused: Cases that do not exist, with the reason.
    """

    rows: tuple[Row, ...]
    refused: tuple[Refused, ...]

    def plot_layers(self) -> Plot:
        """A bar a case, the time of its layers in a row."""
        from renode_mnist.report import plots

        return plots.layers(self.rows)

    def plot_memory(self) -> Plot:
        """Flash and RAM of each case's image."""
        from renode_mnist.report import plots

        return plots.memory(self.rows)

    def __repr__(self) -> str:
        """The table."""
        return grid.text(bench_table.grid(self.rows, self.refused))

    def _repr_html_(self) -> str:
        return html.piece(html.table(bench_table.grid(self.rows, self.refused)))
