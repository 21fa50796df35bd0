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


def _kernel_bytes(operator: Operator) -> int:
    """In int16 tables of 513 exponentials and reciprocals."""
    return 2 * 2 * 513 if operators.kind(operator) is Kind.INT16 else 0


REGISTRATION = Registration(int8=True, refuses=_refuses, kernel_bytes=_kernel_bytes)
