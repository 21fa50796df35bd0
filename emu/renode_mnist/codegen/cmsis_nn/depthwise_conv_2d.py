"""DEPTHWISE_CONV_2D: arm_depthwise_conv_wrapper_s8."""

from __future__ import annotations

from renode_mnist.codegen import quantise
from renode_mnist.codegen.candidate import only
from renode_mnist.codegen.cmsis_nn import scratch
from renode_mnist.codegen.cmsis_nn.convolution import lower
from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.kernel import Kernel
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import Kind, convolution
from renode_mnist.codegen.program import Step


def _lower(lowering: Lowering, operator: Operator) -> Step:
    outputs = operator.tensor(1).shape[3]
    batches, _, _, channels = operator.input.shape
    return lower(
        lowering,
        operator,
        function="depthwise_convolve",
        struct="DepthwiseConvolution",
        more={"ch_mult": outputs // channels},
        order="1, row, column, output channel",
        factors=quantise.output_multipliers(operator, outputs),
        scratch_bytes=scratch.depthwise(convolution.window(operator), batches, channels, outputs),
    )


KERNEL = Kernel(only(_lower), (Kind.INT8,))
