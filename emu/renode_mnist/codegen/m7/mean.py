"""MEAN and SUM in int8 of dimensions that are neighbours: mean_int8."""

from __future__ import annotations

from math import prod

from renode_mnist.codegen import quantise
from renode_mnist.codegen.candidate import only
from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.kernel import Kernel
from renode_mnist.codegen.lowering import Lowering, Parts
from renode_mnist.codegen.m7.call import HEADERS
from renode_mnist.codegen.operators import Kind, reduction
from renode_mnist.codegen.program import Step


def _refuses(operator: Operator) -> str:
    axes = sorted(reduction.reduced(operator))
    together = axes == list(range(axes[0], axes[-1] + 1)) if axes else True
    return "" if together else "dimensions that are no neighbours"


def _lower(lowering: Lowering, operator: Operator) -> Step:
    shape, axes = operator.input.shape, sorted(reduction.reduced(operator))
    first, last = (axes[0], axes[-1] + 1) if axes else (0, 0)
    count = prod(shape[first:last])
    factor = quantise.mean_multiplier(operator.input, operator.output, count if operator.op == "MEAN" else 1)
    parts = Parts(lowering, operator)
    parameter = parts.parameter(
        "",
        "m7::MeanInt8",
        {
            "outer": prod(shape[:first]),
            "count": count,
            "inner": prod(shape[last:]),
            "zero_sum": quantise.quantisation(operator.input).zero_point * count,
            "multiplier": factor.value,
            "shift": -factor.shift,
            "zero_point": quantise.quantisation(operator.output).zero_point,
        },
    )
    return parts.step(f"m7::mean_int8<{parameter}>", [parts.source()], f"{HEADERS}mean_int8.hpp")


KERNEL = Kernel(only(_lower), (Kind.INT8,), refuses=_refuses)
