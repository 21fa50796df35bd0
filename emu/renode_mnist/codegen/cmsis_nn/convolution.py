"""What the calls for CONV_2D and DEPTHWISE_CONV_2D have in common."""

from __future__ import annotations

from collections.abc import Mapping

from renode_mnist.codegen.cmsis_nn.call import Call, bounds, dims_of, fields, offsets
from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import convolution
from renode_mnist.codegen.operators.convolution import ConvOptions
from renode_mnist.codegen.program import Step, Value
from renode_mnist.codegen.quantise import Multiplier


def lower(
    lowering: Lowering,
    operator: Operator,
    *,
    function: str,
    struct: str,
    more: Mapping[str, Value],
    order: str,
    factors: list[Multiplier],
    scratch_bytes: int,
) -> Step:
    """The step of a convolution.

    Args:
        lowering: Knows the buffers.
        operator: The convolution.
        function: Of ``cmsis_nn``.
        struct: Type of its parameter.
        more: Fields that only this convolution's parameters have.
        order: Of the weights, in words.
        factors: From sums to int8, one an output channel.
        scratch_bytes: What the function asks for.
    """
    call = Call(lowering, operator)
    shape = call.struct(
        struct,
        {
            "parameters": {
                **offsets(operator),
                **more,
                **fields(convolution.window(operator)),
                "activation": bounds(operator, operator.options_as(ConvOptions).activation),
            },
            "input": dims_of(operator.input),
            "filter": dims_of(operator.tensor(1)),
            "output": dims_of(operator.output),
        },
    )
    arguments = [
        shape,
        call.source(),
        *call.weights(order),
        *call.multipliers(factors),
        call.scratch_of(scratch_bytes),
    ]
    return call.of(function, arguments)
