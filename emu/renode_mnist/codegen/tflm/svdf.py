"""SVDF."""

from __future__ import annotations

from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.tflm.registration import Registration


def _scratch_bytes(operator: Operator) -> int:
    """A sum a filter and one an output (svdf_common.cc, ``PrepareSvdf``)."""
    return 4 * (operator.tensor(1).shape[0] * operator.input.shape[0] + operator.output.element_count)


REGISTRATION = Registration(int8=True, scratch_bytes=_scratch_bytes, float_scratch_bytes=_scratch_bytes)
