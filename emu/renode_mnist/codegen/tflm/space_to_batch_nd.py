"""SPACE_TO_BATCH_ND."""

from __future__ import annotations

from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.operators import space_to_batch_nd
from renode_mnist.codegen.tflm.registration import Registration


def _refuses(operator: Operator) -> str:
    if any(space_to_batch_nd.borders(operator, "paddings")):
        return "TensorFlow Lite Micro pads with a number that it never sets"
    return ""


REGISTRATION = Registration(refuses=_refuses)
