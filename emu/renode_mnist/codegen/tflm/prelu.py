"""PRELU."""

from __future__ import annotations

from renode_mnist.codegen.graph import ElementType, Operator
from renode_mnist.codegen.tflm.registration import Registration

_MOST_DIMENSIONS = 4


def _refuses(operator: Operator) -> str:
    if operator.input.type is ElementType.FLOAT32 and len(operator.output.shape) > _MOST_DIMENSIONS:
        return f"TensorFlow Lite Micro has four dimensions at most in float32, and {operator.output} has more"
    return ""


REGISTRATION = Registration(refuses=_refuses)
