"""ADD in int8 of two activations of one shape: add_int8."""

from __future__ import annotations

from renode_mnist.codegen import quantise
from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.kernel import Kernel
from renode_mnist.codegen.lowering import Lowering, Parts
from renode_mnist.codegen.m7.call import HEADERS
from renode_mnist.codegen.operators import Kind
from renode_mnist.codegen.operators.broadcast import Fused, terms
from renode_mnist.codegen.program import Step, Value


def _scaling(operator: Operator) -> tuple[quantise.AddScaling, list[int]]:
    """Factors of the terms and of the output, and their shifts to the right."""
    scaling = quantise.add_scaling(*terms(operator), operator.output)
    return scaling, [-factor.shift for factor in (scaling.first, scaling.second, scaling.output)]


def _refuses(operator: Operator) -> str:
    first, second = terms(operator)
    if first.is_constant or second.is_constant:
        return "a constant term"
    if not first.shape == second.shape == operator.output.shape:
        return "terms of different shapes"
    shifts = _scaling(operator)[1]
    if min(shifts) >= 0 and shifts[2] >= 1 and max(shifts) <= 22:
        return ""
    return "scales so far apart"


def _lower(lowering: Lowering, operator: Operator) -> Step:
    scaling, shifts = _scaling(operator)
    least, greatest = quantise.activation_range(operator.options_as(Fused).activation, operator.output)
    inputs: list[Value] = [
        {"offset": -quantise.quantisation(tensor).zero_point << 21, "multiplier": factor.value, "shift": shift}
        for tensor, factor, shift in zip(terms(operator), (scaling.first, scaling.second), shifts, strict=False)
    ]
    zero_out = quantise.quantisation(operator.output).zero_point
    parts = Parts(lowering, operator)
    parameter = parts.parameter(
        "",
        "m7::AddInt8",
        {
            "first": inputs[0],
            "second": inputs[1],
            "multiplier": scaling.output.value,
            "shift": shifts[2],
            "offset": (zero_out << shifts[2]) + (1 << (shifts[2] - 1)),
            "least": least,
            "greatest": greatest,
        },
    )
    return parts.step(
        f"m7::add_int8<{parameter}>",
        [parts.source(0), parts.source(1), str(operator.output.element_count)],
        f"{HEADERS}add_int8.hpp",
        writes=[lowering.buffer(operator.output)],
        reads=terms(operator),
        in_place=True,
    )


KERNEL = Kernel(_lower, (Kind.INT8,), refuses=_refuses)
