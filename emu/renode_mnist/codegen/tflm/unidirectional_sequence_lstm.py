"""UNIDIRECTIONAL_SEQUENCE_LSTM."""

from __future__ import annotations

from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.tflm.registration import Registration

_KERNEL_DATA_BYTES = 1024
"""Of OpDataLSTM and CMSIS-NN's parameters, beyond what an operator usually takes."""


def _scratch_bytes(operator: Operator) -> int:
    """Four gates, each a buffer of its own (unidirectional_sequence_lstm.cc), and CMSIS-NN's eight sums a unit."""
    cell = operator.tensor(19)
    return 4 * (cell.byte_count + 16) + 8 * 4 * cell.shape[-1] + _KERNEL_DATA_BYTES


REGISTRATION = Registration(
    int8=True,
    scratch_bytes=_scratch_bytes,
    float_scratch_bytes=_scratch_bytes,
    method="AddUnidirectionalSequenceLSTM",
)
