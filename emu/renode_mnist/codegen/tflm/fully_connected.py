"""FULLY_CONNECTED."""

from __future__ import annotations

from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.tflm.registration import Registration


def _scratch_bytes(operator: Operator) -> int:
    """One multiplier and one shift a channel, where it computes as a 1x1 convolution."""
    return 8 * operator.output.shape[-1] if len(operator.output.shape) > 2 else 0


REGISTRATION = Registration(int8=True, scratch_bytes=_scratch_bytes)
