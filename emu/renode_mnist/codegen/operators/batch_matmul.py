"""BATCH_MATMUL: products of matrices, either of which may be constant."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

from renode_mnist.codegen import quantise
from renode_mnist.codegen.graph import ElementType, Operator, Tensor
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import broadcast, nesting
from renode_mnist.codegen.operators.call import Call, factor
from renode_mnist.codegen.operators.definition import Definition, Kind, OptionsTable, Shapes
from renode_mnist.codegen.operators.rules import few_dimensions, of_type, present, require
from renode_mnist.codegen.operators.samples import FLOAT32, INT8, Declared, Flow, Numbers, Output, Refused, Sample
from renode_mnist.codegen.program import Step, Value

_BATCHES = 3
"""Dimensions in front of rows and columns that the kernel counts."""

_DEEPEST = 1 << 15
"""A sum of more products of two differences of int8 may not fit in 32 bits."""


@dataclass(frozen=True)
class BatchMatMulOptions:
    """Of BATCH_MATMUL: whether an operand stands with rows and columns exchanged."""

    adj_x: bool
    adj_y: bool


def _read(table: Any) -> BatchMatMulOptions:
    return BatchMatMulOptions(adj_x=bool(table.AdjX()), adj_y=bool(table.AdjY()))


def _inputs(operator: Operator) -> None:
    for tensor in (present(operator, 0), present(operator, 1), operator.output):
        of_type(operator, tensor, operator.output.type)
        require(operator, len(tensor.shape) >= 2, f"{tensor} is no matrix")
    few_dimensions(operator, len(operator.output.shape), 2 + _BATCHES)


def _sizes(operator: Operator) -> tuple[int, int, int]:
    """Rows, depth and columns."""
    options = operator.options_as(BatchMatMulOptions)
    first, second = (tensor.shape[-2:] for tensor in broadcast.terms(operator))
    rows, depth = first[::-1] if options.adj_x else first
    inner, columns = second[::-1] if options.adj_y else second
    matches = depth == inner
    require(operator, matches, f"{operator.tensor(0)} and {operator.tensor(1)} do not match in {depth} and {inner}")
    return rows, depth, columns


def _shapes(operator: Operator) -> Shapes:
    rows, _, columns = _sizes(operator)
    return ((*broadcast.shape_of(*(tensor.shape[:-2] for tensor in broadcast.terms(operator))), rows, columns),)


def _rule(operator: Operator) -> None:
    batches = operator.output.shape[:-2]
    for tensor in broadcast.terms(operator):
        fits = broadcast.repeats(tensor.shape[:-2], batches)
        require(operator, fits, f"the matrices of {tensor} cannot be broadcast to {operator.output}")
    if operator.output.type is ElementType.INT8:
        _, depth, _ = _sizes(operator)
        require(operator, depth < _DEEPEST, f"sums of {depth} products", f"Use fewer than {_DEEPEST}")


def _lower(lowering: Lowering, operator: Operator) -> Step:
    call, options = Call(lowering, operator), operator.options_as(BatchMatMulOptions)
    rows, depth, columns = _sizes(operator)
    batches = operator.output.shape[:-2]
    first, second = broadcast.terms(operator)

    def strides(tensor: Tensor, *, exchanged: bool, behind: bool) -> dict[str, Value]:
        """Of an operand whose depth stands behind, unless the two are exchanged."""
        outer, inner = nesting.strides(tensor.shape)[-2:]
        if exchanged is behind:
            outer, inner = inner, outer
        steps = broadcast.steps(tensor.shape[:-2], batches)
        matrix = prod(tensor.shape[-2:])
        padded = [0] * (_BATCHES - len(batches)) + [step * matrix for step in steps]
        return {"batches": tuple(padded), "outer": outer, "depth": inner}

    shape = call.struct(
        "",
        "Matrices",
        {
            "batches": (1,) * (_BATCHES - len(batches)) + batches,
            "rows": rows,
            "columns": columns,
            "depth": depth,
            "first": strides(first, exchanged=options.adj_x, behind=True),
            "second": strides(second, exchanged=options.adj_y, behind=False),
        },
    )
    sources = [call.source(0), call.source(1)]
    if operator.output.type is ElementType.FLOAT32:
        return call.of("batch_matmul", [shape, *sources], reads=(first, second))
    (multiplier,) = quantise.dense_multipliers(operator, 1)
    how = call.struct(
        "Scaling",
        "MatrixScaling",
        {
            "first_zero_point": quantise.quantisation(first).zero_point,
            "second_zero_point": quantise.quantisation(second).zero_point,
            "output_zero_point": quantise.quantisation(operator.output).zero_point,
            "multiplier": factor(multiplier),
        },
    )
    return call.of("batch_matmul", [shape, how, *sources], reads=(first, second))


def _macs(operator: Operator) -> int:
    first = operator.optional_input(0)
    if first is None or len(first.shape) < 2 or not isinstance(operator.options, BatchMatMulOptions):
        return 0
    return operator.output.element_count * first.shape[-2 if operator.options.adj_x else -1]


def _samples() -> Declared:
    like = Sample("one matrix for all", (Flow((2, 3, 5)), Numbers((5, 4))), {"adjX": False, "adjY": False})
    return (
        like,
        like.row("a matrix each", inputs=(Flow((2, 3, 5)), Numbers((2, 5, 4)))),
        like.row("of two activations", inputs=(Flow((1, 4, 6)), Flow((1, 6, 5)))),
        like.row("the second exchanged", inputs=(Flow((2, 3, 5)), Flow((2, 4, 5))), adjY=True),
        like.row("the first exchanged", inputs=(Flow((2, 5, 3)), Numbers((2, 5, 4))), adjX=True),
        like.row("both exchanged", inputs=(Flow((2, 5, 3)), Flow((2, 4, 5))), adjX=True, adjY=True),
        like.row("constant first", inputs=(Numbers((3, 5)), Flow((2, 5, 4)))),
        like.row("a row", inputs=(Flow((1, 7)), Numbers((7, 3)))),
        like.row("heads", inputs=(Flow((1, 2, 4, 3)), Flow((1, 2, 5, 3))), adjY=True),
        like.row("five dimensions", inputs=(Flow((2, 3, 2, 4, 5)), Numbers((1, 3, 1, 5, 2)))),
        Refused("matrices that do not match", "do not match in 5 and 6",
                like.row("", inputs=(Flow((2, 3, 5)), Numbers((6, 4))))),
        Refused("batches that can't be broadcast", "cannot be broadcast",
                like.row("", inputs=(Flow((2, 3, 5)), Numbers((3, 5, 4))), outputs=(Output(shape=(3, 3, 4)),))),
        Refused("vectors", "is no matrix", like.row("", inputs=(Flow((2, 3, 5)), Numbers((5,))))),
        Refused("dynamic range", "is neither float32 nor int8",
                like.row("", types=(FLOAT32,), inputs=(Flow((2, 3, 5)), Numbers((5, 4), 0.1, 0, "INT8")))),
        Refused("more than 32767 products a sum in int8", "sums of 32768 products",
                like.row("", types=(INT8,), inputs=(Flow((1, 1 << 15)), Numbers((1 << 15, 1))),
                         outputs=(Output(shape=(1, 1)),))),
    )  # fmt: skip


DEFINITION = Definition(
    names=("BATCH_MATMUL",),
    kinds=(Kind.FLOAT32, Kind.INT8),
    inputs=_inputs,
    shapes=_shapes,
    rule=_rule,
    lower=_lower,
    macs=_macs,
    remark="broadcasting of matrices; an operand may be constant",
    options=OptionsTable("BatchMatMulOptions", _read),
    samples=_samples,
)
