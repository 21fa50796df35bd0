"""DEPTHWISE_CONV_2D."""

from __future__ import annotations

from renode_mnist.codegen.cmsis_nn import scratch
from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.operators import convolution
from renode_mnist.codegen.tflm.registration import Registration


def _scratch_bytes(operator: Operator) -> int:
    batches, _, _, channels = operator.input.shape
    return scratch.depthwise(convolution.window(operator), batches, channels, operator.output.shape[3])


REGISTRATION = Registration(int8=True, scratch_bytes=_scratch_bytes)
