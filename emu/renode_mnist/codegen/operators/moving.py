"""What operators share that only move numbers: elements taken by strides, tensors joined and taken apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from renode_mnist.codegen.graph import ElementType, Operator, Tensor
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import folding
from renode_mnist.codegen.operators.call import Call
from renode_mnist.codegen.operators.definition import Definition, Folded, Kind, Shapes
from renode_mnist.codegen.operators.nesting import filled, merged
from renode_mnist.codegen.operators.rules import of_type, present, require, same_quantisation
from renode_mnist.codegen.program import Step

MOST_DIMENSIONS = 6
"""That the kernel counts; what lies together in both tensors counts as one."""


def inputs(operator: Operator, positions: Iterable[int] = (0,)) -> None:
    """Inputs that flow, and all outputs, are float32, or int8 and quantised."""
    for tensor in (*(present(operator, position) for position in positions), *operator.outputs):
        of_type(operator, tensor, operator.output.type)


def integers(operator: Operator, position: int, what: str) -> list[int]:
    """The values of a constant of integers, flat.

    Raises:
        ModelError: It is none.
    """
    tensor = operator.optional_input(position)
    known = tensor is not None and tensor.data is not None and tensor.type in (ElementType.INT32, ElementType.INT64)
    require(operator, known, f"its {what} are not constant integers")
    assert tensor is not None
    assert tensor.data is not None
    values: list[int] = tensor.data.reshape(-1).tolist()
    return values


def axis_of(operator: Operator, axis: int, rank: int) -> int:
    """An axis that may be counted from the end, from the front."""
    require(operator, -rank <= axis < rank, f"axis {axis} of {rank}")
    return axis % rank


def taken(
    call: Call,
    parts: Sequence[tuple[int, Sequence[int], Sequence[int]]],
    source: str = "",
) -> Step:
    """The step whose outputs are elements of one input.

    Args:
        call: Of the operator.
        parts: Of each output: the element of the input that comes first, its shape, and how many elements of the
            input each dimension advances.
        source: Name of what is read in the place of the input.
    """
    operator = call.operator
    source = source or call.source()
    statements, step = [], None
    for number, (start, shape, advances) in enumerate(parts):
        loops = merged(shape, advances)
        require(operator, len(loops) <= MOST_DIMENSIONS, f"more than {MOST_DIMENSIONS} dimensions in another order")
        loops = filled(loops, MOST_DIMENSIONS, 1)
        header = call.struct(
            f"Piece{number}" if number else "",
            "Taken",
            {
                "start": start,
                "shape": tuple(loop.size for loop in loops),
                "strides": tuple(loop.steps[0] for loop in loops),
            },
        )
        output = call.lowering.result(operator, number)
        step = call.of("take", [header, source], writes=(output,))
        statements.append(step.call)
    assert step is not None
    writes = tuple(call.lowering.result(operator, number) for number in range(len(parts)))
    return replace(step, call="\n  ".join(statements), writes=writes)


def joined(call: Call, rows: int, runs: Sequence[int]) -> Step:
    """The step whose output has, row by row, a run of each input.

    Args:
        call: Of the operator.
        rows: Of each input.
        runs: Elements of a row, an input each.
    """
    operator = call.operator
    output = call.lowering.result(operator)
    statements, step, start = [], None, 0
    flowing: list[Tensor] = []
    for position, run in enumerate(runs):
        header = call.struct(
            str(position or ""), "Joined", {"rows": rows, "run": run, "start": start, "stride": sum(runs)}
        )
        step = call.of("join", [header, call.source(position)], writes=(output,))
        statements.append(step.call)
        flowing.append(operator.tensor(position))
        start += run
    assert step is not None
    whole = call.of("join", [], reads=flowing, writes=(output,))
    return replace(whole, call="\n  ".join(statements))


def picked(call: Call, offsets: Sequence[Sequence[int]], run: int) -> Step:
    """The step whose output is runs of the input, each from where its indices say.

    Args:
        call: Of the operator.
        offsets: For each of three dimensions where its indices lie in the input, in elements; their sum is where a
            run of the output stands.
        run: Elements that lie together.
    """
    names = [
        call.constant(f"Offsets{number}", np.array(entry, np.int32), f"where indices of dimension {number} lie")
        for number, entry in enumerate(offsets)
    ]
    shape = call.struct("", "Picked", {"counts": tuple(map(len, offsets)), "offsets": tuple(names), "run": run})
    return call.of("pick", [shape, call.source()])


def definition(
    *names: str,
    shapes: Callable[[Operator], Shapes],
    lower: Callable[[Lowering, Operator], Step],
    values: Callable[[Operator], Folded] | None = None,
    **more: Any,
) -> Definition:
    """Of an operator that leaves numbers, and how they are quantised, as they are.

    Args:
        names: As ``Definition`` has them; likewise ``shapes``, ``lower`` and ``more``.
        shapes: Likewise.
        lower: Likewise.
        values: Its outputs where all inputs are constant.
        more: What differs: ``inputs`` where another one flows than the first, ``kinds`` but for real numbers, int8
            and int16, a ``rule`` beside that of the quantisation.
    """

    def fold(operator: Operator) -> Folded:
        assert values is not None
        folding.unchanged(operator)
        return values(operator)

    form: dict[str, Any] = {
        "kinds": (Kind.FLOAT32, Kind.INT8, Kind.INT16),
        "fast_in": tuple(Kind),
        "inputs": inputs,
        "rule": same_quantisation,
        "fold": fold if values else None,
    }
    return Definition(names=names, shapes=shapes, lower=lower, **{**form, **more})
