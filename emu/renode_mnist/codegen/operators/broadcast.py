"""What operators of two inputs share: the smaller is repeated along the dimensions that it lacks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from renode_mnist.codegen.activation import Activation
from renode_mnist.codegen.graph import ElementType, Operator, Tensor
from renode_mnist.codegen.operators import nesting, options
from renode_mnist.codegen.operators.call import Call, bounds, subscripts
from renode_mnist.codegen.operators.definition import Shapes
from renode_mnist.codegen.operators.rules import few_dimensions, of_type, present, refusal
from renode_mnist.codegen.operators.samples import Branch, Flow, Numbers, Refused, Sample
from renode_mnist.codegen.program import Step
from renode_mnist.errors import ModelError

MOST_DIMENSIONS = 5


@dataclass(frozen=True)
class Fused:
    """Options that say no more than which activation is fused."""

    activation: Activation


def read(table: Any) -> Fused:
    """Of ``AddOptions`` and their like."""
    return Fused(options.activation(table))


def terms(operator: Operator) -> tuple[Tensor, Tensor]:
    """The two inputs, in the operator's order."""
    return operator.tensor(0), operator.tensor(1)


def inputs(operator: Operator) -> None:
    """Both, and the output, are float32, or int8 and quantised."""
    for tensor in (present(operator, 0), present(operator, 1), operator.output):
        of_type(operator, tensor, operator.output.type)
    few_dimensions(operator, len(operator.output.shape), MOST_DIMENSIONS)


def shapes(operator: Operator) -> Shapes:
    """Each dimension as long as the longer of the two."""
    return (shape_of(*(tensor.shape for tensor in terms(operator))),)


def shape_of(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """Each dimension as long as the longest.

    Where two sizes differ and neither is 1, one of the terms does not fit the output, which ``rule`` finds.
    """
    rank = max(map(len, shapes))
    padded = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    return tuple(max(sizes) for sizes in zip(*padded, strict=True))


def fits(tensor: Tensor, output: Tensor) -> bool:
    """Whether a term can be repeated to the output's shape."""
    return repeats(tensor.shape, output.shape)


def repeats(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    """Whether what has a shape can be repeated to another."""
    padded = (1,) * (len(target) - len(shape)) + shape
    return len(padded) == len(target) and all(n in (1, m) for n, m in zip(padded, target, strict=True))


def mismatch(operator: Operator, found: Shapes) -> ModelError:
    """Names the term that does not fit; what flows comes first."""
    ordered = sorted(terms(operator), key=lambda tensor: tensor.is_constant)
    for tensor in ordered:
        if not fits(tensor, operator.output):
            return refusal(operator, f"{tensor} cannot be broadcast to {operator.output}")
    return refusal(operator, f"{ordered[0]} and {ordered[1]} do not make {operator.output}")


def rule(operator: Operator) -> None:
    """Both terms fit the output."""
    for tensor in terms(operator):
        if not fits(tensor, operator.output):
            raise mismatch(operator, ())


def lower(call: Call, how: str, what: str = "term", header: str = "") -> Step:
    """The call ``<operator>(Broadcast, how, first, second, output)``.

    Args:
        call: Has the parameter ``how``; "" where the function takes none.
        how: Name of a parameter.
        what: A constant is, for the reader of the C++.
        header: Of a family's function, where it is not named as the operator.
    """
    operator = call.operator
    names: list[str] = []
    for position, suffix in enumerate(("First", "Second")):
        tensor = operator.tensor(position)
        if tensor.is_constant:
            names.append(call.constant(suffix, operator.constant(position), f"{what} {subscripts(tensor)}"))
        else:
            names.append(call.source(position))
    shape = operator.output.shape
    loops = nesting.merged(shape, *(steps(tensor.shape, shape) for tensor in terms(operator)))
    loops = nesting.filled(loops, MOST_DIMENSIONS, 2)
    shape_name = call.struct(
        "",
        "Broadcast",
        {
            "shape": tuple(loop.size for loop in loops),
            "first_strides": tuple(loop.steps[0] for loop in loops),
            "second_strides": tuple(loop.steps[1] for loop in loops),
        },
    )
    arguments = [shape_name, *([how] if how else []), *names]
    return call.of(operator.op.lower(), arguments, reads=terms(operator), header=header)


def clamp(call: Call, activation: Activation) -> str:
    """The parameter that bounds an output in float32."""
    return call.struct("Clamp", "Clamp", bounds(activation))


def steps(shape: tuple[int, ...], target: tuple[int, ...]) -> list[int]:
    """Elements to advance a dimension of ``target``; 0 along those that are repeated."""
    padded = (1,) * (len(target) - len(shape)) + shape
    return [0 if size == 1 else step for size, step in zip(padded, nesting.strides(padded), strict=True)]


def is_float(operator: Operator) -> bool:
    """Whether it is computed in float32."""
    return operator.output.type is ElementType.FLOAT32


def rows(like: Sample) -> tuple[Sample | Refused, ...]:
    """What every such operator is tried on; ``like`` has an image and a branch of it."""
    image = like.inputs[0]
    shapes = ((1, 5, 4, 3), (3,), (1,), (1, 1, 1, 1), (1, 5, 4, 1), (1, 5, 1, 3), (4, 3))
    return (
        *(like.row(f"constant {'x'.join(map(str, shape))}", inputs=(image, Numbers(shape))) for shape in shapes),
        like.row("constant first", inputs=(Numbers((3,)), image)),
        like.row("batch of 2", inputs=(Flow((2, 3, 5)), Branch())),
        *(like.row(f"five dimensions, {'x'.join(map(str, shape))}", inputs=(Flow((2, 3, 2, 4, 3)), Numbers(shape)))
          for shape in ((3,), (3, 2, 1, 1), (2, 1, 2, 1, 3))),
        Refused("more than five dimensions", "more than 5 dimensions",
                like.row("", inputs=(Flow((1, 2, 2, 2, 2, 2)), Numbers((2,))))),
        Refused("terms that can't be broadcast", "cannot be broadcast",
                like.row("", inputs=(Flow((1, 4)), Numbers((3,))))),
        Refused("a single input", "an input is missing", like.row("", inputs=(Flow((1, 4)),))),
    )  # fmt: skip
