"""CONV_2D."""

from __future__ import annotations

from renode_mnist.codegen import operators
from renode_mnist.codegen.cmsis_nn import scratch
from renode_mnist.codegen.graph import ElementType, Operator
from renode_mnist.codegen.operators import Kind, convolution
from renode_mnist.codegen.operators.conv_2d import grouped
from renode_mnist.codegen.operators.convolution import ConvOptions
from renode_mnist.codegen.tflm.registration import Registration, unpacked_bytes


def _scratch_bytes(operator: Operator) -> int:
    own = scratch.convolution(convolution.window(operator), operator.input.shape[3])
    return max(own, unpacked_bytes(operator))


def _wide_scratch_bytes(operator: Operator) -> int:
    """``arm_convolve_s16_get_buffer_size``: two im2col columns of int16."""
    _, height, width, channels = operator.tensor(1).shape
    return 2 * 2 * height * width * channels


def _refuses(operator: Operator) -> str:
    wide = operators.kind(operator) is Kind.INT16
    if grouped(operator) and (wide or operator.tensor(1).type is ElementType.INT4):
        return f"CMSIS-NN has no groups of channels in {'int16' if wide else 'int4'}"
    if not wide:
        return ""
    if operator.optional_input(2) is None and not operator.options_as(ConvOptions).narrow:
        return "with CMSIS-NN's kernel it takes a bias of int16 that is left out for one of int32"
    return ""


REGISTRATION = Registration(
    int8=True, scratch_bytes=_scratch_bytes, wide_scratch_bytes=_wide_scratch_bytes, refuses=_refuses
)
