"""ADD of two tensors of one shape: arm_elementwise_add_s8."""

from __future__ import annotations

from renode_mnist.codegen import quantise
from renode_mnist.codegen.candidate import only
from renode_mnist.codegen.cmsis_nn.call import Call, bounds, factor
from renode_mnist.codegen.graph import Operator, Tensor
from renode_mnist.codegen.kernel import Kernel
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import Kind
from renode_mnist.codegen.operators.broadcast import Fused, terms
from renode_mnist.codegen.program import Step, Value


def _refuses(operator: Operator) -> str:
    alike = all(tensor is not None and tensor.shape == operator.output.shape for tensor in operator.inputs)
    return "" if alike else "terms of different shapes"


def _lower(lowering: Lowering, operator: Operator) -> Step:
    first, second = terms(operator)
    scaling = quantise.add_scaling(first, second, operator.output)
    call = Call(lowering, operator)
    names = [
        call.constant(suffix, operator.constant(position), "addend") if tensor.is_constant else call.source(position)
        for position, (tensor, suffix) in enumerate(((first, "First"), (second, "Second")))
    ]
    shape = call.struct(
        "Add",
        {
            "first": _term(first, scaling.first),
            "second": _term(second, scaling.second),
            "output_offset": quantise.quantisation(operator.output).zero_point,
            "output_factor": factor(scaling.output),
            "activation": bounds(operator, operator.options_as(Fused).activation),
            "count": operator.output.element_count,
        },
    )
    return call.of("add", [shape, *names], [tensor for tensor in (first, second) if not tensor.is_constant])


def _term(tensor: Tensor, multiplier: quantise.Multiplier) -> dict[str, Value]:
    return {"offset": -quantise.quantisation(tensor).zero_point, "factor": factor(multiplier)}


KERNEL = Kernel(only(_lower), (Kind.INT8,), refuses=_refuses)
