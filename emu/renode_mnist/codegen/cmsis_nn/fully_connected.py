"""FULLY_CONNECTED: arm_fully_connected_s8, or with one scale a channel a 1x1 convolution.

The call for a scale a channel came after release 6.0.
"""

from __future__ import annotations

from renode_mnist.codegen import quantise
from renode_mnist.codegen.candidate import only
from renode_mnist.codegen.cmsis_nn.call import Call, bounds, dims, factor, offsets, tile
from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.kernel import Kernel
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import Kind
from renode_mnist.codegen.operators.fully_connected import FullyConnectedOptions, rows
from renode_mnist.codegen.program import Step, Value


def _lower(lowering: Lowering, operator: Operator) -> Step:
    outputs, inputs = operator.tensor(1).shape
    batches = rows(operator)
    activation = bounds(operator, operator.options_as(FullyConnectedOptions).activation)
    call = Call(lowering, operator)
    factors = quantise.dense_multipliers(operator, outputs)
    ends = {"input": dims(batches, 1, 1, inputs), "output": dims(batches, 1, 1, outputs)}
    if quantise.quantisation(operator.tensor(1)).per_channel:
        one, none = tile(1, 1), tile(0, 0)
        window: dict[str, Value] = {"stride": one, "padding": none, "dilation": one}
        shape = call.struct(
            "Convolution",
            {
                "parameters": {**offsets(operator), **window, "activation": activation},
                "input": ends["input"],
                "filter": dims(outputs, 1, 1, inputs),
                "output": ends["output"],
            },
        )
        names = [*call.weights("output, input"), *call.multipliers(factors), "nullptr"]
        return call.of("convolve", [shape, call.source(), *names])
    shape = call.struct(
        "FullyConnected",
        {
            "parameters": {
                "input_offset": offsets(operator)["input_offset"],
                "filter_offset": 0,
                "output_offset": offsets(operator)["output_offset"],
                "activation": activation,
            },
            "output_factor": factor(factors[0]),
            "input": ends["input"],
            "filter": dims(inputs, 1, 1, outputs),
            "output": ends["output"],
        },
    )
    return call.of("fully_connected", [shape, call.source(), *call.weights("output, input")])


KERNEL = Kernel(only(_lower), (Kind.INT8,))
