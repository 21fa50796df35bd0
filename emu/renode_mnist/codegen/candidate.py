"""A way to compute a layer, and what it costs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.program import Step


@dataclass(frozen=True)
class Candidate:
    """One of several ways to compute a layer.

    Attributes:
        kernel: Its name for who asks what a layer runs on: its header's, and what tells it from the layer's others
            (``conv_int8, 8 bit``). Tables have room for 26 characters.
        cycles: Estimate of one inference in modelled cycles at 216 MHz: weights come from flash through the data
            cache. The file of a kernel says how well its formula meets what was measured.
        instructions: Likewise, executed.
        flash_bytes: Of constants.
        scratch_bytes: Of RAM, for this step only.
        build: Makes the step.
        code_bytes: About what the compiler makes of it, for this layer's shape alone.
    """

    kernel: str
    cycles: float
    instructions: float
    flash_bytes: int
    scratch_bytes: int
    build: Callable[[], Step]
    code_bytes: int = 1_500

    @property
    def image_bytes(self) -> int:
        """Of flash, constants and code."""
        return self.flash_bytes + self.code_bytes


Ways = Callable[[Lowering, Operator], Iterable[Candidate]]
"""All ways of a kernel to compute an operator that it takes; at least one."""


def only(lower: Callable[[Lowering, Operator], Step]) -> Ways:
    """The one way of a kernel that leaves no choice, whose costs therefore decide nothing."""

    def ways(lowering: Lowering, operator: Operator) -> Iterable[Candidate]:
        step = lower(lowering, operator)
        flash = sum(constant.byte_count for constant in step.constants)
        scratch = sum(buffer.byte_count for buffer in step.scratch)
        return (Candidate("", 0, 0, flash, scratch, lambda: step),)

    return ways
