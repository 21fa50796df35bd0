"""UNIDIRECTIONAL_SEQUENCE_LSTM."""

from __future__ import annotations

from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.tflm.registration import Registration

_CELL = 19
_PREPARED_BYTES = 25 * 80
"""Inputs and output as TfLiteTensors with their quantisation, all at once while the kernel is prepared."""


def _scratch_bytes(operator: Operator) -> int:
    """Four gates, each a buffer of its own (unidirectional_sequence_lstm.cc)."""
    return max(4 * (operator.tensor(_CELL).byte_count + 16), _PREPARED_BYTES)


def _kernel_bytes(operator: Operator) -> int:
    """OpDataLSTM; with CMSIS-NN its parameters, and eight sums a unit."""
    return 896 + 8 * 4 * operator.tensor(_CELL).shape[-1]


REGISTRATION = Registration(
    int8=True,
    scratch_bytes=_scratch_bytes,
    float_scratch_bytes=_scratch_bytes,
    kernel_bytes=_kernel_bytes,
    method="AddUnidirectionalSequenceLSTM",
)
