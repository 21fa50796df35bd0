"""LOGISTIC and TANH."""

from __future__ import annotations

from renode_mnist.codegen.graph import ElementType, Operator
from renode_mnist.codegen.operators import logistic
from renode_mnist.codegen.tflm.registration import Registration


def _refuses(operator: Operator) -> str:
    if operator.input.type is ElementType.INT8 and logistic.shift(operator.input) < 0:
        return "TensorFlow Lite Micro shifts by a negative number below an input scale of 2^-28"
    return ""


REGISTRATION = Registration(refuses=_refuses)
