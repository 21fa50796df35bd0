"""FULLY_CONNECTED."""

from __future__ import annotations

from renode_mnist.codegen import operators, quantise
from renode_mnist.codegen.graph import ElementType, Operator
from renode_mnist.codegen.operators import Kind
from renode_mnist.codegen.operators.fully_connected import FullyConnectedOptions
from renode_mnist.codegen.tflm.registration import Registration, unpacked_bytes


def _scratch_bytes(operator: Operator) -> int:
    """One multiplier and one shift a channel, where it computes as a 1x1 convolution."""
    return max(8 * operator.output.shape[-1] if len(operator.output.shape) > 2 else 0, unpacked_bytes(operator))


def _refuses(operator: Operator) -> str:
    """What CMSIS-NN's kernel does not compute, or reads as if it were something else."""
    if operator.tensor(1).type is ElementType.INT4 and quantise.quantisation(operator.tensor(1)).per_channel:
        return "TensorFlow Lite Micro's dense layer has one scale in int4"
    if operators.kind(operator) is not Kind.INT16:
        return ""
    if quantise.quantisation(operator.tensor(1)).per_channel:
        return "CMSIS-NN's dense layer has one scale in int16"
    bias = operator.optional_input(2)
    narrow = operator.options_as(FullyConnectedOptions).narrow if bias is None else bias.type is ElementType.INT32
    return "CMSIS-NN's dense layer wants a bias of int64 in int16" if narrow else ""


REGISTRATION = Registration(int8=True, scratch_bytes=_scratch_bytes, refuses=_refuses)
