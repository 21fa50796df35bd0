"""Rules that operators share, and how a refusal reads: operator, tensor, reason, and what would work."""

from __future__ import annotations

import math

from renode_mnist.codegen import quantise
from renode_mnist.codegen.activation import Activation
from renode_mnist.codegen.graph import ElementType, Operator, Quantisation, Tensor
from renode_mnist.errors import ModelError

INTERFACE_TYPES = (ElementType.FLOAT32, ElementType.INT8, ElementType.UINT8, ElementType.INT16)
"""Of numbers; the wire knows more."""
STORED_TYPES = (ElementType.INT8, ElementType.INT16)
"""Of quantised activations within a network."""
MOST_DIMENSIONS = 4
EXPORT = (
    "Export the model as float32, int8, uint8 or dynamic range (`renode-mnist export`), or with int16 activations"
)
EXPORT_AGAIN = "Export the model again"
_LEAST_SCALE = 2.0**-126
_CLAMPS = (Activation.NONE, Activation.RELU, Activation.RELU_N1_TO_1, Activation.RELU6)


def refusal(operator: Operator, why: str, remedy: str = EXPORT) -> ModelError:
    """The error that names the operator."""
    return ModelError(f"Operator {operator} is not supported: {why}", remedy)


def require(operator: Operator, condition: bool, why: str, remedy: str = EXPORT) -> None:
    """Raises ``refusal`` where the condition does not hold."""
    if not condition:
        raise refusal(operator, why, remedy)


def present(operator: Operator, position: int) -> Tensor:
    """An input that may not be left out."""
    tensor = operator.optional_input(position)
    require(operator, tensor is not None, "an input is missing", EXPORT_AGAIN)
    assert tensor is not None
    return tensor


def quantised(tensor: Tensor, who: Operator | str) -> None:
    """A stored activation has one scale and a zero point that its type can hold; int16 is symmetric."""
    scales = tensor.quantisation
    symmetric = tensor.type is ElementType.INT16
    low, high = (0, 0) if symmetric else quantise.limits(tensor.type)
    what = f"Operator {who} is not supported" if isinstance(who, Operator) else who
    if scales is None or scales.per_channel or not low <= scales.zero_point <= high:
        wanted = "0" if symmetric else f"{low} to {high}"
        raise ModelError(f"{what}: {tensor} needs one scale and a zero point of {wanted}", EXPORT)
    if not positive(scales):
        raise ModelError(f"{what}: {tensor} has scale {scales.scale:g}", "Check the model's quantisation")


def positive(scales: Quantisation) -> bool:
    """Whether all scales are numbers above 0 that float32 holds with all its bits."""
    return all(math.isfinite(scale) and scale >= _LEAST_SCALE for scale in scales.scales)


def of_type(operator: Operator, tensor: Tensor, wanted: ElementType) -> None:
    """Float32, or int8 or int16 and quantised, as all of the operator's activations are.

    Which of them an operator is computed in ``check`` knows.
    """
    require(
        operator,
        tensor.type in (ElementType.FLOAT32, *STORED_TYPES) and tensor.type is wanted,
        f"{tensor} is neither float32 nor int8 nor int16 throughout",
    )
    if tensor.type in STORED_TYPES:
        quantised(tensor, operator)


def activations(operator: Operator) -> None:
    """Input and output are float32, or int8 or int16 and quantised."""
    for tensor in (operator.input, operator.output):
        of_type(operator, tensor, operator.input.type)


def activations_of_any_type(operator: Operator) -> None:
    """Input and output are of types that a model's interface may have."""
    for tensor in (operator.input, operator.output):
        require(operator, tensor.type in INTERFACE_TYPES, f"{tensor} is not float32, int8, uint8 or int16")


def same_quantisation(operator: Operator) -> None:
    """Whatever is stored of its inputs has the output's scale and zero point, as the kernels only move numbers."""
    for tensor in operator.inputs:
        if tensor is not None and tensor.type in STORED_TYPES:
            before, after = tensor.quantisation, operator.output.quantisation
            same = (
                before is not None
                and after is not None
                and (before.scales, before.zero_points) == (after.scales, after.zero_points)
            )
            require(operator, same, f"{tensor} and {operator.output} are quantised differently")


def clamps(operator: Operator, activation: Activation) -> None:
    """The fused activation has a least and a greatest value."""
    require(
        operator,
        activation in _CLAMPS,
        f"the fused activation {activation.value}",
        f"Use one of {', '.join(a.value for a in _CLAMPS)}",
    )


def few_dimensions(operator: Operator, rank: int, most: int = MOST_DIMENSIONS) -> None:
    """No more than the kernels count."""
    remedy = "Reshape what has more, and reshape the result back"
    require(operator, rank <= most, f"more than {most} dimensions: {operator.output}", remedy)
