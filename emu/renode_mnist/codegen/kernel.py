"""An engine's own way to compute an operator, as the file in the engine's folder hands it out."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from renode_mnist.codegen.candidate import Ways
from renode_mnist.codegen.graph import Operator, Tensor
from renode_mnist.codegen.operators import Kind


def _nothing(operator: Operator) -> str:
    return ""


def _no_image(operator: Operator, image: Tensor) -> bool:
    return False


def _never(operator: Operator) -> bool:
    return False


@dataclass(frozen=True)
class Kernel:
    """What stands as ``KERNEL`` in ``<engine>/<operator>.py``.

    Attributes:
        ways: To compute an operator that it takes; where there is but one, ``candidate.only`` of what makes the step.
        kinds: Arithmetics that it computes.
        refuses: Why it does not compute an operator that has passed ``check``, with what is fused into it, in a few
            words that follow "no kernel of its own for"; empty where it does. What it refuses is computed by the
            reference kernel, a fused operator as its parts.
        fuses: What may be fused behind the operator, as sequences of operators' names; ``refuses`` and ``ways``
            are asked about those only.
        writes_planar: Whether its output may stand channel by channel (``graph.PLANAR``).
        reads_planar: Whether it reads that image so; the operator's input is the image, or an alias of it.
    """

    ways: Ways
    kinds: Collection[Kind]
    refuses: Callable[[Operator], str] = _nothing
    fuses: tuple[tuple[str, ...], ...] = ()
    writes_planar: Callable[[Operator], bool] = _never
    reads_planar: Callable[[Operator, Tensor], bool] = _no_image


KernelOf = Callable[[Operator], Kernel | None]
"""The kernel of an engine that takes an operator, or None where the reference kernel has to."""
