"""What a kernel costs, and which one is chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from renode_mnist.codegen.objective import Objective
from renode_mnist.codegen.program import Step

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
