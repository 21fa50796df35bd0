"""What element-wise operators of one input share: in int8 a table of 256 entries, computed at build time.

In float32 each calls a function of ``firmware/engine/reference/unary.hpp``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from renode_mnist.codegen import fixed_point, quantise
from renode_mnist.codegen.graph import ElementType, Operator, Tensor
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators.call import Call
from renode_mnist.codegen.program import Step, Value

STORED = np.arange(-128, 128)
"""Inputs of a table, in its order."""

Table: TypeAlias = Callable[[Tensor, Tensor], Sequence[int] | npt.NDArray[Any]]
"""Outputs of the 256 inputs, of input and output."""

Real = npt.NDArray[np.float32]


def lower(
    lowering: Lowering,
    operator: Operator,
    table: Table,
    parameters: Mapping[str, Value] | None = None,
) -> Step:
    """The step of an element-wise operator.

    Args:
        lowering: Knows the buffers.
        operator: The operator; in float32 the function of ``unary.hpp`` has its name in lower case.
        table: Asked for in int8 only.
        parameters: Of the function in float32: the fields of the struct that is named as the operator.
    """
    call = Call(lowering, operator)
    count = str(operator.output.element_count)
    if operator.input.type is ElementType.FLOAT32:
        function = operator.op.lower()
        struct = "".join(word.capitalize() for word in function.split("_"))
        how = [call.struct("", struct, parameters)] if parameters else []
        return call.of(function, [*how, count, call.source()], in_place=True, header="unary")
    return of_values(call, np.array(table(operator.input, operator.output)))


def of_values(call: Call, values: npt.NDArray[Any]) -> Step:
    """The step of an operator from 8 bits to 8 bits.

    Args:
        call: Of the operator.
        values: Its outputs, by what is stored of its input, from the least on.
    """
    by_byte = values if call.operator.input.type is ElementType.UINT8 else np.roll(values, 128)
    name = call.constant("Table", by_byte.astype(np.int16).astype(np.uint8), "outputs, by the byte of the input")
    return call.of("lookup", [name, str(call.operator.output.element_count), call.source()], in_place=True)


def rescaled(operator: Operator, factor: quantise.Multiplier, least: int, greatest: int) -> npt.NDArray[Any]:
    """Outputs of an operator from 8 bits to 8 bits that only takes the scale of its output, and bounds."""
    before, after = quantise.quantisation(operator.input), quantise.quantisation(operator.output)
    first, last = quantise.limits(operator.input.type)
    stored = np.arange(first, last + 1) - before.zero_point
    scaled = fixed_point.multiply(stored, factor.value, factor.shift)
    return np.clip(fixed_point.wrapped(scaled + after.zero_point), least, greatest)


def of_real(function: Callable[[Real], Real]) -> Table:
    """A table computed in float32: dequantised, put through a function, times 1 / scale, rounded.

    As ``PopulateLookupTable`` of lite/micro/kernels/elu.cc.

    Args:
        function: From float32 to float32, rounded as the kernel's own steps are.
    """

    def table(source: Tensor, result: Tensor) -> npt.NDArray[Any]:
        before, after = quantise.quantisation(source), quantise.quantisation(result)
        with np.errstate(all="ignore"):
            real = np.float32(before.scale) * (STORED - before.zero_point).astype(np.float32)
            steps = function(real) * (np.float32(1) / np.float32(after.scale))
        return clamped(rounded(steps) + np.float32(after.zero_point))

    return table


def rounded(values: Real) -> Real:
    """Halves away from zero.

    Raises:
        ArithmeticError: One is no int32.
    """
    if not (np.abs(values) < 1 << 31).all():
        raise ArithmeticError("its results are more steps of its output than 32 bits hold")
    return np.copysign(np.floor(np.abs(values.astype(np.float64)) + 0.5), values).astype(np.float32)


def clamped(values: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
    """As int8."""
    return np.clip(values, -128, 127).astype(np.int8)


def correctly(function: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]) -> Callable[[Real], Real]:
    """A function of float32 whose result is the nearest: computed in double, rounded once.

    NumPy's own in float32 are up to 4 units in the last place off, and by machine; a C library's are within one.
    """
    return lambda values: function(values.astype(np.float64)).astype(np.float32)
