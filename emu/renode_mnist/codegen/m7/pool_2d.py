"""MAX_POOL_2D and AVERAGE_POOL_2D that are not within a convolution: pool_int8, pool_int16."""

from __future__ import annotations

from renode_mnist.codegen import operators, quantise
from renode_mnist.codegen.candidate import only
from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.kernel import Kernel
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.m7.call import HEADERS, WindowCall
from renode_mnist.codegen.operators import Kind, pool_2d
from renode_mnist.codegen.operators.pool_2d import PoolOptions
from renode_mnist.codegen.program import Step


def _lower(lowering: Lowering, operator: Operator) -> Step:
    least, greatest = quantise.activation_range(operator.options_as(PoolOptions).activation, operator.output)
    call = WindowCall(lowering, operator, pool_2d.window(operator), operator.input.shape[3])
    bits = "16" if operators.kind(operator) is Kind.INT16 else "8"
    pool = call.parameter(
        "", f"m7::PoolInt{bits}", {"batches": operator.input.shape[0], "least": least, "greatest": greatest}
    )
    function = f"{'max' if operator.op == 'MAX_POOL_2D' else 'average'}_pool_int{bits}"
    return call.step(f"m7::{function}<{call.window}, {pool}>", [call.source()], f"{HEADERS}pool_int{bits}.hpp")


KERNEL = Kernel(only(_lower), (Kind.INT8, Kind.INT16))
