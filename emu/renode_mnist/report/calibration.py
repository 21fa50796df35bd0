"""A calibration, to be looked at."""

from __future__ import annotations

from typing import Self

from renode_mnist.measure.calibration import Calibration
from renode_mnist.report import calibration_table, grid, html


class ShownCalibration(Calibration):
    """A calibration whose text and HTML are its tables."""

    @classmethod
    def of(cls, found: Calibration) -> Self:
        """The same, to be looked at."""
        return cls(**vars(found))

    def __repr__(self) -> str:
        """The tables."""
        parts = [calibration_table.benchmarks(self), *self._parameters()]
        return "\n\n".join(map(grid.text, parts))

    def _repr_html_(self) -> str:
        return html.piece(
            html.table(calibration_table.benchmarks(self)),
            *map(html.table, self._parameters()),
            html.facts(calibration_table.identity(self)),
        )

    def _parameters(self) -> list[grid.Grid]:
        return [calibration_table.parameters(self)] if self.fitted else []
