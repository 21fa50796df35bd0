"""What of a case is compared from commit to commit."""

from __future__ import annotations

from enum import StrEnum

from renode_mnist.measure.bench import LayerCost, Row
from renode_mnist.measure.measurement import CaseCost, Layer


class Metric(StrEnum):
    """A figure that is the better the smaller it is."""

    CYCLES = "cycles"
    INSTRUCTIONS = "instructions"
    FLASH = "flash"
    RAM = "ram"

    @property
    def field(self) -> str:
        """Its name in a measurement and in a row of a benchmark."""
        return {"cycles": "cycles_modelled", "flash": "flash_bytes", "ram": "ram_bytes"}.get(self, str(self))

    @property
    def unit(self) -> str:
        """Its unit."""
        return "bytes" if self.field.endswith("_bytes") else str(self)

    @property
    def label(self) -> str:
        """Its name for a reader."""
        return {"cycles": "cycles modelled", "ram": "RAM"}.get(self, str(self))

    @property
    def of_layers(self) -> bool:
        """Whether a layer has it too; memory is the whole image's."""
        return self in (Metric.CYCLES, Metric.INSTRUCTIONS)

    def of(self, cost: CaseCost | Layer) -> int | None:
        """The figure of a case or layer; None where it has none."""
        figure: int | None = getattr(cost, self.field, None)
        return figure

    def of_row(self, row: Row | LayerCost) -> int | None:
        """The same for a row of a benchmark, or a layer of it."""
        if self.of_layers:
            return row.counts.get(self.field)
        figure: int | None = getattr(row, self.field, None)
        return figure
