"""SOFTMAX."""

from __future__ import annotations

from renode_mnist.codegen import operators
from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.operators import Kind, softmax
from renode_mnist.codegen.tflm.registration import Registration


def _refuses(operator: Operator) -> str:
    if operators.kind(operator) is Kind.INT8 and softmax.flat(operator):
        return f"TensorFlow Lite Micro ends the program where a softmax is as flat as that of {operator.input}"
    return ""


REGISTRATION = Registration(int8=True, refuses=_refuses)
