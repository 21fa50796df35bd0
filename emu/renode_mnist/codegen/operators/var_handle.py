"""VAR_HANDLE: names a variable, for the operators that read and assign it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators.definition import Definition, OptionsTable, Shapes
from renode_mnist.codegen.operators.variables import no_arithmetic, not_known
from renode_mnist.codegen.program import Step


@dataclass(frozen=True)
class VarHandleOptions:
    """Of VAR_HANDLE: what tells variables apart, in all subgraphs."""

    container: str
    shared_name: str


def _read(table: Any) -> VarHandleOptions:
    def text(raw: bytes | None) -> str:
        return raw.decode("utf-8", errors="replace") if raw else ""

    return VarHandleOptions(text(table.Container()), text(table.SharedName()))


def _inputs(operator: Operator) -> None:
    raise not_known(operator)


def _shapes(operator: Operator) -> Shapes:
    return (operator.output.shape,)


def _lower(lowering: Lowering, operator: Operator) -> Step:
    raise AssertionError(operator)


DEFINITION = Definition(
    names=("VAR_HANDLE",),
    kinds=(),
    inputs=_inputs,
    shapes=_shapes,
    lower=_lower,
    kind=no_arithmetic,
    options=OptionsTable("VarHandleOptions", _read),
)
