"""The call of a kernel of ``firmware/engine/reference``, and the parameters that several of those take."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

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


class Call(Parts):
    """Of ``reference::<function>``."""

    def __init__(self, lowering: Lowering, operator: Operator) -> None:
        super().__init__(lowering, operator)
        self.owner = self.stem

    def struct(self, suffix: str, type_name: str, value: Value) -> str:
        """The name of a new parameter of a type of ``reference``."""
        return self.parameter(suffix, f"reference::{type_name}", value)

    def clamp(self, activation: Activation) -> str:
        """The parameter that bounds an output of either type."""
        output = self.operator.output
        if output.type is ElementType.FLOAT32:
            return self.struct("Clamp", "Clamp", bounds(activation))
        low, high = quantise.activation_range(activation, output)
        return self.struct("Clamp", "ClampInt8", {"min": low, "max": high})

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
        name = self.constant("Weights", self.operator.constant(1), f"weights {subscripts(tensor)}, {order}")
        if bias is None:
            return name, "nullptr"
        return name, self.constant("Bias", self.operator.constant(position), f"bias {subscripts(bias)}")

    def requantisation(self, activation: Activation, factors: list[quantise.Multiplier]) -> str:
        """The parameter that brings 32-bit sums to int8, with a factor for each channel."""
        low, high = quantise.activation_range(activation, self.operator.output)
        if len(set(factors)) == 1:
            factors = factors[:1]
        multipliers = self.constant(
            "Multipliers", np.array([f.value for f in factors], np.int32), "output multipliers, 2^-31 each"
        )
        shifts = self.constant(
            "Shifts",
            np.array([f.shift for f in factors], np.int8),
            "output shifts, to the left where positive",
        )
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
                "per_channel": len(factors) > 1,
            },
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
