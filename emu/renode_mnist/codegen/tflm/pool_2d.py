"""MAX_POOL_2D and AVERAGE_POOL_2D."""

from __future__ import annotations

from renode_mnist.codegen.cmsis_nn import scratch
from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.tflm.registration import Registration


def _scratch_bytes(operator: Operator) -> int:
    return scratch.average_pool(operator.input.shape[3]) if operator.op == "AVERAGE_POOL_2D" else 0


REGISTRATION = Registration(int8=True, scratch_bytes=_scratch_bytes, wide_scratch_bytes=_scratch_bytes)
