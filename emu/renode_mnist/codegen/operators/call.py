"""The call of a kernel of ``firmware/engine/reference``, and the parameters that several of those take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from renode_mnist.codegen import quantise
from renode_mnist.codegen.activation import Activation
from renode_mnist.codegen.geometry import Window
from renode_mnist.codegen.graph import ElementType, Operator, Tensor
from renode_mnist.codegen.lowering import Lowering, Parts
from renode_mnist.codegen.program import Buffer, Step, Value


def bounds(activation: Activation) -> dict[str, Value]:
    """``reference::Clamp``."""
    least, greatest = activation.bounds
    return {"min": least, "max": greatest}


def fields(window: Window) -> dict[str, Value]:
    """``reference::Window``."""
    return dict(vars(window))


def factor(multiplier: quantise.Multiplier) -> dict[str, Value]:
    """``reference::Multiplier``."""
    return {"value": multiplier.value, "shift": multiplier.shift}


def subscripts(tensor: Tensor) -> str:
    """``[3][3]``."""
    return "".join(f"[{n}]" for n in tensor.shape)


def packed_int4(values: npt.NDArray[np.int8]) -> npt.NDArray[np.uint8]:
    """Two a byte, the first in the lower half."""
    flat = values.reshape(-1)
    pairs = np.append(flat, np.zeros(len(flat) % 2, flat.dtype)).reshape(-1, 2)
    return ((pairs[:, 0] & 0x0F) | (pairs[:, 1] << 4)).astype(np.uint8)


class Call(Parts):
    """Of ``reference::<function>``."""

    def __init__(self, lowering: Lowering, operator: Operator) -> None:
        super().__init__(lowering, operator)
        self.owner = self.stem

    def struct(self, suffix: str, type_name: str, value: Value) -> str:
        """The name of a new parameter of a type of ``reference``."""
        return self.parameter(suffix, f"reference::{type_name}", value)

    def clamp(self, activation: Activation) -> str:
        """The parameter that bounds an output of any type."""
        output = self.operator.output
        if output.type is ElementType.FLOAT32:
            return self.struct("Clamp", "Clamp", bounds(activation))
        low, high = quantise.activation_range(activation, output)
        return self.struct("Clamp", "ClampStored", {"min": low, "max": high})

    def rescale(self, multiplier: quantise.Multiplier, low: int, high: int) -> str:
        """The parameter that brings one scale to another."""
        return self.struct(
            "Rescale",
            "Rescale",
            {
                "input_zero_point": quantise.quantisation(self.operator.input).zero_point,
                "output_zero_point": quantise.quantisation(self.operator.output).zero_point,
                "multiplier": factor(multiplier),
                "min": low,
                "max": high,
            },
        )

    def affine(self, tensor: Tensor) -> str:
        """The parameter that says how a tensor is quantised."""
        scales = quantise.quantisation(tensor)
        return self.struct("Affine", "Affine", {"scale": scales.scale, "zero_point": scales.zero_point})

    def weights(self, order: str, position: int = 2) -> tuple[str, str]:
        """Names of weights and of the bias at a position; "nullptr" for a bias that is left out."""
        tensor, bias = self.operator.tensor(1), self.operator.optional_input(position)
        if tensor.type is ElementType.INT4:
            packed = packed_int4(self.operator.constant(1))
            comment = f"weights {subscripts(tensor)}, {order}, 4 bits each, the first in a byte's lower half"
            name = f"reference::PackedInt4{{{self.constant('Weights', packed, comment)}}}"
        else:
            name = self.constant("Weights", self.operator.constant(1), f"weights {subscripts(tensor)}, {order}")
        if bias is None:
            return name, "nullptr"
        return name, self.constant("Bias", self.operator.constant(position), f"bias {subscripts(bias)}")

    def requantisation(self, activation: Activation, factors: list[quantise.Multiplier]) -> str:
        """The parameter that brings 32-bit sums to the output's type, with a factor for each channel."""
        low, high = quantise.activation_range(activation, self.operator.output)
        multipliers, shifts, per_channel = self._factors(factors, np.int32, "2^-31 each")
        return self.struct(
            "Output",
            "Requantisation",
            {
                "input_zero_point": quantise.quantisation(self.operator.input).zero_point,
                "output_zero_point": quantise.quantisation(self.operator.output).zero_point,
                "min": low,
                "max": high,
                "multipliers": multipliers,
                "shifts": shifts,
                "per_channel": per_channel,
            },
        )

    def wide_requantisation(self, activation: Activation, factors: list[quantise.Multiplier]) -> str:
        """The parameter that brings 64-bit sums to int16, with a factor for each channel."""
        low, high = quantise.activation_range(activation, self.operator.output)
        reduced = [quantise.reduced(factor) for factor in factors]
        multipliers, shifts, per_channel = self._factors(reduced, np.int16, "2^-15 each")
        return self.struct(
            "Output",
            "WideRequantisation",
            {"min": low, "max": high, "multipliers": multipliers, "shifts": shifts, "per_channel": per_channel},
        )

    def _factors(self, factors: list[quantise.Multiplier], dtype: type, unit: str) -> tuple[str, str, bool]:
        """Names of the multipliers and of their shifts, and whether there are several."""
        if len(set(factors)) == 1:
            factors = factors[:1]
        values: npt.NDArray[Any] = np.array([factor.value for factor in factors], dtype)
        shifts = np.array([factor.shift for factor in factors], np.int8)
        return (
            self.constant("Multipliers", values, f"output multipliers, {unit}"),
            self.constant("Shifts", shifts, "output shifts, to the left where positive"),
            len(factors) > 1,
        )

    def of(
        self,
        function: str,
        arguments: Sequence[str],
        *,
        reads: Sequence[Tensor] = (),
        writes: Sequence[Buffer] = (),
        in_place: bool = False,
        header: str = "",
    ) -> Step:
        """The step that calls ``reference::<function>``; see ``Parts.step``. Its header has its name, or is given."""
        path = f"engine/reference/{header or function}.hpp"
        return self.step(f"reference::{function}", arguments, path, reads=reads, writes=writes, in_place=in_place)
