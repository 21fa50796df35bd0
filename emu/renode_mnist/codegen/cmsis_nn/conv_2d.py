"""CONV_2D: arm_convolve_wrapper_s8, which in release 6.0 knows no groups."""

from __future__ import annotations

from renode_mnist.codegen import quantise
from renode_mnist.codegen.candidate import only
from renode_mnist.codegen.cmsis_nn import scratch
from renode_mnist.codegen.cmsis_nn.convolution import lower
from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.kernel import Kernel
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import Kind, convolution
from renode_mnist.codegen.operators.conv_2d import grouped
from renode_mnist.codegen.program import Step


def _lower(lowering: Lowering, operator: Operator) -> Step:
    return lower(
        lowering,
        operator,
        function="convolve",
        struct="Convolution",
        more={},
        order="output channel, row, column, input channel",
        factors=quantise.output_multipliers(operator, operator.tensor(1).shape[0]),
        scratch_bytes=scratch.convolution(convolution.window(operator), operator.input.shape[3]),
    )


KERNEL = Kernel(
    only(_lower), (Kind.INT8,), refuses=lambda operator: "groups of channels" if grouped(operator) else ""
)
