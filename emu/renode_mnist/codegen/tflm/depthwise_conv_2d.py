"""DEPTHWISE_CONV_2D."""

from __future__ import annotations

from renode_mnist.codegen.cmsis_nn import scratch
from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.operators import convolution
from renode_mnist.codegen.tflm.registration import Registration, unpacked_bytes


def _scratch_bytes(operator: Operator) -> int:
    batches, _, _, channels = operator.input.shape
    own = scratch.depthwise(convolution.window(operator), batches, channels, operator.output.shape[3])
    return max(own, unpacked_bytes(operator))


REGISTRATION = Registration(int8=True, scratch_bytes=_scratch_bytes)
