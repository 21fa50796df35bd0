"""SOFTMAX: arm_softmax_s8."""

from __future__ import annotations

from dataclasses import dataclass

from renode_mnist.codegen import quantise
from renode_mnist.codegen.candidate import only
from renode_mnist.codegen.cmsis_nn.call import Call
from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.kernel import Kernel
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import Kind, softmax
from renode_mnist.codegen.operators.softmax import SoftmaxOptions
from renode_mnist.codegen.program import Step

_INTEGER_BITS = 5
_MOST_SHARES = 512


@dataclass(frozen=True)
class Scaling:
    """Arguments of ``arm_softmax_s8``, as TensorFlow Lite's ``PreprocessSoftmaxScaling`` makes them.

    Attributes:
        multiplier: Brings a difference of stored inputs to Q5.26, with ``shift`` to the left.
        diff_min: Differences below contribute nothing.
    """

    multiplier: int
    shift: int
    diff_min: int


def scaling(scale: float, beta: float) -> Scaling:
    """Of inputs with this scale."""
    fraction_bits = 31 - _INTEGER_BITS
    factor = quantise.multiplier(min(beta * scale * (1 << fraction_bits), (1 << 31) - 1.0))
    radius = ((1 << _INTEGER_BITS) - 1) * (1 << fraction_bits) >> factor.shift
    return Scaling(factor.value, factor.shift, -radius)


def _lower(lowering: Lowering, operator: Operator) -> Step:
    depth = operator.input.shape[-1]
    beta = operator.options_as(SoftmaxOptions).beta
    found = scaling(quantise.quantisation(operator.input).scale, beta)
    call = Call(lowering, operator)
    shape = call.struct(
        "Softmax",
        {
            "rows": operator.input.element_count // depth,
            "depth": depth,
            "multiplier": found.multiplier,
            "shift": found.shift,
            "diff_min": found.diff_min,
        },
    )
    return call.of("softmax", [shape, call.source()])


def _refuses(operator: Operator) -> str:
    """Where 512 classes or more share evenly, arm_softmax_s8 shifts by 32 and gives each of them the whole."""
    depth = operator.input.shape[-1]
    if softmax.flat(operator):
        return "a scale so fine that all classes share evenly"
    return "" if depth < _MOST_SHARES else f"{depth} classes (less than {_MOST_SHARES} go)"


KERNEL = Kernel(only(_lower), (Kind.INT8,), _refuses)
