"""An engine's own way to compute an operator, as the file in the engine's folder hands it out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from renode_mnist.codegen.graph import Operator, Tensor
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.program import Step


def _always(operator: Operator) -> bool:
    return True


def _no_image(operator: Operator, image: Tensor) -> bool:
    return False


def _never(operator: Operator) -> bool:
    return False


@dataclass(frozen=True)
class Kernel:
    """What stands as ``KERNEL`` in ``<engine>/<operator>.py``.

    Attributes:
        lower: Makes the step of an operator that it takes.
        takes: Whether it computes an operator that has passed ``check``, with what is fused into it. What it does
            not take is computed by the reference kernel, a fused operator as its parts.
        fuses: What may be fused behind the operator, as sequences of operators' names; ``takes`` and ``lower`` are
            asked about those only.
        writes_planar: Whether its output may stand channel by channel (``graph.PLANAR``).
        reads_planar: Whether it reads that image so; the operator's input is the image, or an alias of it.
    """

    lower: Callable[[Lowering, Operator], Step]
    takes: Callable[[Operator], bool] = _always
    fuses: tuple[tuple[str, ...], ...] = ()
    writes_planar: Callable[[Operator], bool] = _never
    reads_planar: Callable[[Operator, Tensor], bool] = _no_image


KernelOf = Callable[[Operator], Kernel | None]
"""The kernel of an engine that takes an operator, or None where the reference kernel has to."""
