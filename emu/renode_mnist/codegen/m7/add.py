"""ADD of two activations of one shape: add_int8, add_int16 and add_float."""

from __future__ import annotations

import numpy as np

from renode_mnist.codegen import fixed_point, operators, quantise
from renode_mnist.codegen.candidate import only
from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.kernel import Kernel
from renode_mnist.codegen.lowering import Lowering, Parts
from renode_mnist.codegen.m7.call import HEADERS
from renode_mnist.codegen.operators import Kind
from renode_mnist.codegen.operators.broadcast import Fused, terms
from renode_mnist.codegen.program import Step, Value

_MOST_SHIFT = 22
_MOST_WIDE_SHIFT = 30
"""Of int16."""


def refuses(operator: Operator) -> str:
    """Why there is no kernel for an ADD; empty where there is one."""
    first, second = terms(operator)
    if first.is_constant or second.is_constant:
        return "a constant term"
    if not first.shape == second.shape == operator.output.shape:
        return "terms of different shapes"
    if operators.kind(operator) is Kind.FLOAT32:
        return ""
    scaling = quantise.add_scaling(first, second, operator.output)
    if operators.kind(operator) is Kind.INT16:
        factors = (scaling.first, scaling.second, scaling.output)
        return "" if all(0 <= -factor.shift <= _MOST_WIDE_SHIFT for factor in factors) else "scales so far apart"
    return "" if 1 <= -scaling.output.shift <= _MOST_SHIFT else "scales so far apart"


def _lower(lowering: Lowering, operator: Operator) -> Step:
    parts = Parts(lowering, operator)
    sources = [parts.source(0), parts.source(1)]
    if operators.kind(operator) is Kind.FLOAT32:
        kernel, parameter = "add_float", _float(parts)
    elif operators.kind(operator) is Kind.INT16:
        kernel, parameter = "add_int16", _int16(parts)
        sources.append(str(operator.output.element_count))
    else:
        kernel, parameter = "add_int8", int8(parts, operator, "")
        sources += [*tables(parts, operator), str(operator.output.element_count)]
    return parts.step(
        f"m7::{kernel}<{parameter}>",
        sources,
        f"{HEADERS}{kernel}.hpp",
        writes=[lowering.buffer(operator.output)],
        reads=terms(operator),
        in_place=True,
    )


def _float(parts: Parts) -> str:
    """The name of the parameter."""
    least, greatest = parts.operator.options_as(Fused).activation.bounds
    count = parts.operator.output.element_count
    return parts.parameter("", "m7::AddFloat", {"count": count, "least": least, "greatest": greatest})


def _int16(parts: Parts) -> str:
    """The name of the parameter."""
    operator = parts.operator
    scaling = quantise.add_scaling(*terms(operator), operator.output)
    factors = {"first": scaling.first, "second": scaling.second, "output": scaling.output}
    least, greatest = quantise.activation_range(operator.options_as(Fused).activation, operator.output)
    values: dict[str, Value] = {
        name: {"multiplier": factor.value, "shift": -factor.shift} for name, factor in factors.items()
    }
    return parts.parameter("", "m7::AddInt16", {**values, "least": least, "greatest": greatest})


def int8(parts: Parts, operator: Operator, suffix: str) -> str:
    """The name of ``m7::AddInt8`` of an ADD."""
    factor = quantise.add_scaling(*terms(operator), operator.output).output
    least, greatest = quantise.activation_range(operator.options_as(Fused).activation, operator.output)
    zero_out = quantise.quantisation(operator.output).zero_point
    clamp = "kGeneral"
    if (least, greatest) == (-128, 127):
        clamp = "kAtZeroPoint" if zero_out == -128 else "kNone"
    return parts.parameter(
        suffix,
        "m7::AddInt8",
        {
            "scaling": {
                "twice_bias": 0,
                "multiplier": factor.value,
                "offset": (zero_out << -factor.shift) + (1 << (-factor.shift - 1)),
                "shift": -factor.shift,
            },
            "clamp": f"m7::Clamp::{clamp}",
            "least": least,
            "greatest": greatest,
        },
    )


def tables(parts: Parts, operator: Operator) -> list[str]:
    """Names of the tables of both terms of an ADD; of terms that are scaled alike there is one."""
    scaling = quantise.add_scaling(*terms(operator), operator.output)
    names: dict[bytes, str] = {}
    found = []
    for suffix, tensor, factor in zip(("", "2"), terms(operator), (scaling.first, scaling.second), strict=True):
        stored = np.roll(np.arange(-128, 128), 128) - quantise.quantisation(tensor).zero_point
        values = fixed_point.multiply(stored << quantise.more_bits(operator.output), factor.value, factor.shift)
        doubled = (2 * values).astype(np.int32)
        if doubled.tobytes() not in names:
            text = "twice what a term adds to the common scale, by its byte"
            names[doubled.tobytes()] = parts.constant(f"Term{suffix}", doubled, text)
        found.append(names[doubled.tobytes()])
    return found


KERNEL = Kernel(only(_lower), (Kind.FLOAT32, Kind.INT8, Kind.INT16), refuses=refuses)
