"""MAX_POOL_2D and AVERAGE_POOL_2D: arm_max_pool_s8, arm_avgpool_s8."""

from __future__ import annotations

from renode_mnist.codegen.candidate import only
from renode_mnist.codegen.cmsis_nn import scratch
from renode_mnist.codegen.cmsis_nn.call import Call, bounds, dims, dims_of, tile
from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.kernel import Kernel
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import Kind, pool_2d
from renode_mnist.codegen.operators.pool_2d import PoolOptions
from renode_mnist.codegen.program import Step


def _lower(lowering: Lowering, operator: Operator) -> Step:
    window = pool_2d.window(operator)
    call = Call(lowering, operator)
    shape = call.struct(
        "Pool",
        {
            "parameters": {
                "stride": tile(window.stride_width, window.stride_height),
                "padding": tile(window.pad_left, window.pad_top),
                "activation": bounds(operator, operator.options_as(PoolOptions).activation),
            },
            "input": dims_of(operator.input),
            "filter": dims(1, window.kernel_height, window.kernel_width, 1),
            "output": dims_of(operator.output),
        },
    )
    if operator.op == "MAX_POOL_2D":
        return call.of("max_pool", [shape, call.source()])
    sums = call.scratch_of(scratch.average_pool(operator.input.shape[3]))
    return call.of("average_pool", [shape, call.source(), sums])


KERNEL = Kernel(only(_lower), (Kind.INT8,))
