"""CALL_ONCE: a subgraph that is run before the first inference, which gives variables their first values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators.definition import Definition, OptionsTable, Shapes
from renode_mnist.codegen.operators.variables import no_arithmetic, not_known
from renode_mnist.codegen.program import Step


@dataclass(frozen=True)
class CallOnceOptions:
    """Of CALL_ONCE: the number of the subgraph."""

    subgraph: int


def _read(table: Any) -> CallOnceOptions:
    return CallOnceOptions(table.InitSubgraphIndex())


def _inputs(operator: Operator) -> None:
    raise not_known(operator)


def _shapes(operator: Operator) -> Shapes:
    return ()


def _lower(lowering: Lowering, operator: Operator) -> Step:
    raise AssertionError(operator)


def _calls(operator: Operator) -> tuple[int, ...]:
    return (operator.options_as(CallOnceOptions).subgraph,)


DEFINITION = Definition(
    names=("CALL_ONCE",),
    kinds=(),
    inputs=_inputs,
    shapes=_shapes,
    lower=_lower,
    kind=no_arithmetic,
    has_outputs=False,
    calls=_calls,
    options=OptionsTable("CallOnceOptions", _read),
)
