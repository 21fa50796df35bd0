"""The function that an operator may have fused into its output."""

from __future__ import annotations

import math
from enum import Enum


class Activation(Enum):
    """Function fused into an operator's output."""

    NONE = "NONE"
    RELU = "RELU"
    RELU_N1_TO_1 = "RELU_N1_TO_1"
    RELU6 = "RELU6"
    RELU_0_TO_1 = "RELU_0_TO_1"
    """Only as an operator of its own."""
    TANH = "TANH"
    SIGN_BIT = "SIGN_BIT"

    @property
    def bounds(self) -> tuple[float, float]:
        """Smallest and greatest real output.

        Raises:
            ValueError: TANH and SIGN_BIT are no clamps.
        """
        match self:
            case Activation.NONE:
                return -math.inf, math.inf
            case Activation.RELU:
                return 0.0, math.inf
            case Activation.RELU_N1_TO_1:
                return -1.0, 1.0
            case Activation.RELU6:
                return 0.0, 6.0
            case Activation.RELU_0_TO_1:
                return 0.0, 1.0
            case _:
                raise ValueError(f"{self.value} does not clamp")
