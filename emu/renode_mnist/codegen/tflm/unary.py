"""Element-wise operators that are a function of the C library."""

from __future__ import annotations

from renode_mnist.codegen.graph import ElementType, Operator
from renode_mnist.codegen.tflm.registration import Registration


def _refuses(operator: Operator) -> str:
    if operator.op == "EXP" and operator.input.type is ElementType.INT8:
        return "TensorFlow Lite Micro has EXP in float32 only"
    return ""


REGISTRATION = Registration(refuses=_refuses)
