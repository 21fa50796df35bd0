"""DEQUANTIZE."""

from __future__ import annotations

from renode_mnist.codegen.graph import ElementType, Operator
from renode_mnist.codegen.tflm.registration import Registration


def _refuses(operator: Operator) -> str:
    if operator.input.type is ElementType.FLOAT16:
        return "TensorFlow Lite Micro has no float16"
    return ""


REGISTRATION = Registration(refuses=_refuses)
