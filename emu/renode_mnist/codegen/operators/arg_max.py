"""ARG_MAX and ARG_MIN: where along a dimension the greatest or smallest number stands, the first of equal ones."""

from __future__ import annotations

from math import prod

from renode_mnist.codegen.graph import ElementType, Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import moving
from renode_mnist.codegen.operators.call import Call
from renode_mnist.codegen.operators.definition import Definition, Kind, OptionsTable, Shapes
from renode_mnist.codegen.operators.rules import of_type, require
from renode_mnist.codegen.operators.samples import Again, Declared, Differs, Flow, Output, Refused, Sample, Values
from renode_mnist.codegen.program import Step


def _axis(operator: Operator) -> int:
    axes = moving.integers(operator, 1, "axes")
    require(operator, len(axes) == 1, f"axes {axes}")
    return moving.axis_of(operator, axes[0], len(operator.input.shape))


def _inputs(operator: Operator) -> None:
    of_type(operator, operator.input, operator.input.type)
    require(operator, operator.output.type is ElementType.INT32, f"{operator.output} is not int32")


def _shapes(operator: Operator) -> Shapes:
    axis, shape = _axis(operator), operator.input.shape
    return ((*shape[:axis], *shape[axis + 1 :]),)


def _lower(lowering: Lowering, operator: Operator) -> Step:
    axis, shape = _axis(operator), operator.input.shape
    call = Call(lowering, operator)
    fields = {"outer": prod(shape[:axis]), "count": shape[axis], "inner": prod(shape[axis + 1 :])}
    return call.of(operator.op.lower(), [call.struct("", "Line", fields), call.source()], header="arg_max")


def _samples() -> Declared:
    integers = (Output(type="INT32"),)
    order = "LiteRT finds what is no number, which TensorFlow Lite Micro passes over"
    unordered = Differs("FLOAT32/*/not a number", order, None, plain=True)
    like = Sample("classes", (Flow((1, 9)), Values(1)), {"outputType": "INT32"}, integers, exempt=(unordered,))
    return (
        like,
        like.row("channels of an image", inputs=(Flow((2, 3, 4, 5)), Values((-1,)))),
        like.row("rows", inputs=(Flow((2, 3, 4)), Values(1))),
        Refused("an axis that is no constant", "not constant integers", like.row("", inputs=(Flow((1, 9)), Again()))),
        Refused("an axis beyond the dimensions", "axis 2 of 2", like.row("", inputs=(Flow((1, 9)), Values(2)))),
        Refused("an output that is not int32", "is not int32", like.row("", outputs=(Output(type="INT64"),))),
    )  # fmt: skip


def _definition(op: str, table: str) -> Definition:
    return Definition(
        names=(op,),
        kinds=(Kind.FLOAT32, Kind.INT8),
        inputs=_inputs,
        shapes=_shapes,
        lower=_lower,
        remark="to int32",
        options=OptionsTable(table, lambda options: None),
        samples=_samples,
    )


DEFINITION = _definition("ARG_MAX", "ArgMaxOptions")
ARG_MIN = _definition("ARG_MIN", "ArgMinOptions")
