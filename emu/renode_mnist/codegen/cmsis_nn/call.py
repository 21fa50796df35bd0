"""The call of a function of ``firmware/engine/cmsis_nn``, and the structs that several of those take."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from renode_mnist.codegen import quantise
from renode_mnist.codegen.activation import Activation
from renode_mnist.codegen.geometry import Window
from renode_mnist.codegen.graph import Operator, Tensor
from renode_mnist.codegen.lowering import Parts
from renode_mnist.codegen.program import Step, Value


def dims(n: int, h: int, w: int, c: int) -> dict[str, Value]:
    """``cmsis_nn_dims``."""
    return {"n": n, "h": h, "w": w, "c": c}


def dims_of(tensor: Tensor) -> dict[str, Value]:
    """``cmsis_nn_dims`` of four dimensions."""
    return dims(*tensor.shape)


def tile(w: int, h: int) -> dict[str, Value]:
    """``cmsis_nn_tile``."""
    return {"w": w, "h": h}


def bounds(operator: Operator, activation: Activation) -> dict[str, Value]:
    """``cmsis_nn_activation``."""
    low, high = quantise.activation_range(activation, operator.output)
    return {"min": low, "max": high}


def offsets(operator: Operator) -> dict[str, Value]:
    """CMSIS-NN adds the input offset to inputs, so it is the negative zero point."""
    return {
        "input_offset": -quantise.quantisation(operator.input).zero_point,
        "output_offset": quantise.quantisation(operator.output).zero_point,
    }


def fields(window: Window) -> dict[str, Value]:
    """Of a convolution's parameters."""
    return {
        "stride": tile(window.stride_width, window.stride_height),
        "padding": tile(window.pad_left, window.pad_top),
        "dilation": tile(window.dilation_width, window.dilation_height),
    }


def factor(multiplier: quantise.Multiplier) -> dict[str, Value]:
    """``cmsis_nn_per_tensor_quant_params``."""
    return {"multiplier": multiplier.value, "shift": multiplier.shift}


class Call(Parts):
    """Of ``cmsis_nn::<function>``."""

    def struct(self, type_name: str, value: Value) -> str:
        """The name of the parameter that says all of the layer that is no array."""
        return self.parameter("", f"cmsis_nn::{type_name}", value)

    def weights(self, order: str) -> list[str]:
        """Names of weights and bias."""
        names = [self.constant("Weights", self.operator.constant(1), f"weights, {order}")]
        if self.operator.optional_input(2) is None:
            return [*names, "nullptr"]
        return [*names, self.constant("Bias", self.operator.constant(2), "bias")]

    def multipliers(self, factors: list[quantise.Multiplier]) -> list[str]:
        """Names of the output multipliers and shifts, one a channel whether or not they differ."""
        values = np.array([factor.value for factor in factors], np.int32)
        shifts = np.array([factor.shift for factor in factors], np.int32)
        return [
            self.constant("Multipliers", values, "output multipliers, 2^-31 each"),
            self.constant("Shifts", shifts, "output shifts, to the left where positive"),
        ]

    def scratch_of(self, byte_count: int) -> str:
        """An expression for scratch memory of so many bytes."""
        return self.scratch("scratch", "int8", byte_count) if byte_count else "nullptr"

    def of(self, function: str, arguments: Sequence[str], reads: Sequence[Tensor] = ()) -> Step:
        """The step that calls ``cmsis_nn::<function>``."""
        return self.step(f"cmsis_nn::{function}", arguments, "engine/cmsis_nn/cmsis_nn.hpp", reads=reads)
