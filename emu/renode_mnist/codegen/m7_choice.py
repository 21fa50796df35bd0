"""Engine ``m7``: what a kernel costs, which one is chosen, and what is fused.

A layer that several kernels could compute gets a ``Candidate`` from each; ``choose`` takes the one that suits the
objective.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from renode_mnist.codegen import geometry
from renode_mnist.codegen.graph import Activation, Operator, PoolOptions
from renode_mnist.codegen.plan import Objective, Step

_WORTH_OF_A_FLASH_BYTE = {Objective.INSTRUCTIONS: 0.5, Objective.CYCLES: 0.5, Objective.FLASH: 20.0}
"""Instructions or cycles an inference that a byte of flash must save to be well spent."""


@dataclass(frozen=True)
class Candidate:
    """One way to compute a layer.

    Attributes:
        instructions: Estimate of one inference, from the costs stated above the kernels.
        cycles: The same in modelled cycles.
        flash_bytes: Of constants.
        build: Makes the step.
    """

    instructions: float
    cycles: float
    flash_bytes: int
    build: Callable[[], Step]


def choose(candidates: Iterable[Candidate], objective: Objective) -> Step:
    """The step of the candidate that costs least.

    A byte of flash has its price in instructions or cycles, a low one or, for the objective ``flash``, a high one:
    twice the flash for a hundredth of the time is a bad bargain on a chip whose flash holds the network, and so is
    half a kernel's speed for a few hundred bytes.
    """

    def cost(candidate: Candidate) -> float:
        time = candidate.cycles if objective is Objective.CYCLES else candidate.instructions
        return time + _WORTH_OF_A_FLASH_BYTE[objective] * candidate.flash_bytes

    return min(candidates, key=cost).build()


def fused_pool(consumers: tuple[Operator, ...]) -> Operator | None:
    """The MAX_POOL_2D that can be computed within the convolution before it: not overlapping, not padded, even."""
    if len(consumers) != 1 or consumers[0].op != "MAX_POOL_2D":
        return None
    pool = consumers[0]
    options = pool.options
    assert isinstance(options, PoolOptions)
    fits = (
        options.stride == options.filter
        and options.activation is Activation.NONE
        and options.filter[0] * options.filter[1] % 2 == 0
        and not geometry.window(pool).padded
    )
    return pool if fits else None


def live(window: geometry.Window, height: int, width: int) -> geometry.Window:
    """The window without the last rows and columns that a pool throws away."""
    return geometry.Window(**{**vars(window), "output_height": height, "output_width": width})
