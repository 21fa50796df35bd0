"""The model with other figures than its own, as a measurement of one's own chip gives them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from renode_mnist.timing.live import LiveCosts, ReadCode
from renode_mnist.timing.memory import MemoryParameters
from renode_mnist.timing.parameters import FORWARDING_CYCLES, PipelineParameters

_MEMORY = ("axi_cycles", "flash_beats", "sram_beats", "unaligned_cycles")
_PIPELINE = tuple(each.name for each in fields(PipelineParameters) if each.name not in ("forwarding", "dual_issue"))
_FORWARDING = {
    f"forwarding.{result.name.lower()}.{port.name.lower()}": (result, port)
    for result, row in FORWARDING_CYCLES.items()
    for port in row
}
_LEAST = {
    "flash_beats": 1,
    "sram_beats": 2,
    "integer_divide_cycles": 1,
    "fp_divide_cycles": 1,
    "fp_square_root_cycles": 1,
    "table_branch_cycles": 1,
    "system_cycles": 1,
}
_MOST = {"axi_cycles": 40, "flash_beats": 40, "sram_beats": 40}
_MOST_OF_OTHERS = 1000
"""No figure of the model comes near it. Of memories the benchmarks can tell no more: between two lines they leave 60
cycles, and what is slower runs into the next one."""
IDENTITY_DIGITS = 12


def own(name: str) -> int:
    """The model's own figure."""
    if name in _FORWARDING:
        result, port = _FORWARDING[name]
        return FORWARDING_CYCLES[result][port]
    value: int = getattr(MemoryParameters if name in _MEMORY else PipelineParameters, name)
    return value


def least(name: str) -> int:
    """The lowest figure with which the model works."""
    return _LEAST.get(name, 0)


def most(name: str) -> int:
    """The highest figure that a measurement can tell from others."""
    return _MOST.get(name, _MOST_OF_OTHERS)


NAMES = (*_MEMORY, *_PIPELINE, *_FORWARDING)
"""The figures that can be other ones: fields of ``MemoryParameters`` and ``PipelineParameters``, and times from a
result to an operand, as ``forwarding.word_loaded.early``."""


@dataclass(frozen=True)
class AdjustedParameters:
    """Figures in the place of the model's own.

    Attributes:
        values: By their names in `NAMES`; those that are not there are the model's own.
        source: Where they come from, for whoever reads a figure.
    """

    values: Mapping[str, int] = field(default_factory=dict)
    source: str = ""

    @property
    def changed(self) -> dict[str, int]:
        """Those that differ from the model's own, by name."""
        return {name: self.values[name] for name in sorted(self.values) if self.values[name] != own(name)}

    @property
    def identity(self) -> str:
        """Tells them from others; empty where they are the model's own, wherever they come from."""
        if not self.changed:
            return ""
        text = "\n".join(f"{name} {value}" for name, value in self.changed.items())
        return hashlib.sha256(text.encode()).hexdigest()[:IDENTITY_DIGITS]

    def __str__(self) -> str:
        """Empty where they are the model's own."""
        if not self.changed:
            return ""
        told = ", ".join(f"{name} {value} for {own(name)}" for name, value in self.changed.items())
        return f"parameters {self.identity} of {self.source}: {told}"

    @property
    def pipeline(self) -> PipelineParameters:
        """The core's figures."""
        forwarding = {result: dict(row) for result, row in FORWARDING_CYCLES.items()}
        for name, (result, port) in _FORWARDING.items():
            forwarding[result][port] = self.values.get(name, forwarding[result][port])
        return replace(PipelineParameters(forwarding=forwarding), **self._of(_PIPELINE))

    def memory(self, wait_states: int | None = None) -> MemoryParameters:
        """The memories' figures; ``wait_states`` as there."""
        return replace(MemoryParameters(wait_states=wait_states), **self._of(_MEMORY))

    def _of(self, names: tuple[str, ...]) -> dict[str, Any]:
        return {name: self.values[name] for name in names if name in self.values}

    def costs(self, read: ReadCode) -> LiveCosts:
        """The clock model with these figures."""
        return LiveCosts(read, self.pipeline, self.memory())
