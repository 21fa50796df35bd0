"""Handles of variables become the variables themselves, with their first values.

A file names a variable (VAR_HANDLE) wherever it is read and assigned, in the network and in the subgraph that gives
it its first value (CALL_ONCE). It runs before ``check``, for every engine but the interpreter. What it cannot make
out it leaves as it is, with the reason, for ``check`` to refuse.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from renode_mnist.codegen.graph import Graph, Operator, Quantisation, Tensor
from renode_mnist.codegen.operators.call_once import CallOnceOptions
from renode_mnist.codegen.operators.rules import EXPORT_AGAIN
from renode_mnist.codegen.operators.var_handle import VarHandleOptions
from renode_mnist.codegen.operators.variables import NotKnown
from renode_mnist.codegen.passes import constants_folded
from renode_mnist.codegen.program import C_TYPES

_USES = ("READ_VARIABLE", "ASSIGN_VARIABLE")
_OPS = ("VAR_HANDLE", "CALL_ONCE", *_USES)
_FREEZE = "Convert with from_keras_model or from_saved_model, which make constants of weights"
_INITIALISE = "Give variables constants as their first values"


@dataclass
class _Variable:
    """A variable of the file.

    Attributes:
        name: In the file.
        reads: What it is read into.
        assigned: What it is assigned from.
        first: What CALL_ONCE assigns.
        itself: The tensor that stands for it; None where it is a constant, or where there is none.
        problem: Why there is none.
    """

    name: str
    reads: list[Tensor] = field(default_factory=list)
    assigned: list[Tensor] = field(default_factory=list)
    first: Tensor | None = None
    itself: Tensor | None = None
    problem: NotKnown | None = None


def run(graph: Graph) -> Graph:
    """The network with variables in the place of handles."""
    if not any(operator.op in _OPS for operator in graph.operators):
        return graph
    variables: dict[VarHandleOptions, _Variable] = {}
    by_handle = _named(graph.operators, variables)
    problems = {
        operator: problem
        for position, operator in enumerate(graph.operators)
        if operator.op == "CALL_ONCE" and (problem := _first_values(graph, position, by_handle, variables))
    }
    for operator in graph.operators:
        if operator.op == "READ_VARIABLE" and (variable := by_handle.get(operator.input)):
            variable.reads.append(operator.output)
        if operator.op == "ASSIGN_VARIABLE" and (variable := by_handle.get(operator.input)):
            variable.assigned.append(operator.tensor(1))
    made = list(graph.tensors)
    for variable in variables.values():
        variable.problem = _problem(variable)
        if variable.problem is None and variable.assigned:
            variable.itself = _itself(variable, len(made))
            made.append(variable.itself)
    kept, constants = _rewritten(graph, by_handle, problems)
    return replace(
        graph,
        tensors=tuple(constants.get(tensor, tensor) for tensor in made),
        operators=tuple(kept),
        outputs=tuple(constants.get(tensor, tensor) for tensor in graph.outputs),
        rewrites=(*graph.rewrites, *_told(variables.values())),
    )


def _named(operators: Iterable[Operator], variables: dict[VarHandleOptions, _Variable]) -> dict[Tensor, _Variable]:
    """The variables that handles stand for; new ones are noted."""
    found = {}
    for operator in operators:
        if operator.op == "VAR_HANDLE":
            key = operator.options_as(VarHandleOptions)
            found[operator.output] = variables.setdefault(key, _Variable(key.shared_name))
    return found


def _first_values(
    graph: Graph, position: int, by_handle: dict[Tensor, _Variable], variables: dict[VarHandleOptions, _Variable]
) -> NotKnown | None:
    """Notes what the subgraph of a CALL_ONCE assigns; says what it does beyond that."""
    number = graph.operators[position].options_as(CallOnceOptions).subgraph
    subgraph = constants_folded.run(graph.called[number])
    by_handle_there = _named(subgraph.operators, variables)
    for operator in subgraph.operators:
        if operator.op == "VAR_HANDLE":
            continue
        value = operator.optional_input(1)
        variable = by_handle_there.get(operator.input) if operator.op == "ASSIGN_VARIABLE" else None
        if variable is None or value is None or not value.is_constant:
            return NotKnown(f"{operator} in subgraph {number} does not assign a constant", _INITIALISE)
        for earlier in graph.operators[:position]:
            if earlier.op in _USES and by_handle.get(earlier.input) is variable:
                return NotKnown(f"it gives '{variable.name}' its first value after {earlier}", EXPORT_AGAIN)
        variable.first = value
    return None


def _problem(variable: _Variable) -> NotKnown | None:
    """Why it can't be a variable of the program."""
    name = f"the variable '{variable.name}'"
    if variable.first is None and not variable.assigned:
        return NotKnown(f"{name} is never assigned, and the file does not hold its value", _FREEZE)
    given = [*variable.reads, *variable.assigned, *([variable.first] if variable.first else [])]
    for tensor in given:
        if tensor.type.dtype is None or tensor.type.dtype.name not in C_TYPES or tensor.flaw:
            return NotKnown(f"{name} is {tensor}", EXPORT_AGAIN)
        if (tensor.type, tensor.element_count) != (given[0].type, given[0].element_count):
            return NotKnown(f"{name} is {given[0]} here and {tensor} there", EXPORT_AGAIN)
    scales = {_pair(tensor.quantisation) for tensor in given if tensor.quantisation is not None}
    if len(scales) > 1:
        return NotKnown(f"{name} is quantised in more than one way", EXPORT_AGAIN)
    return None


def _pair(quantisation: Quantisation) -> tuple[Any, ...]:
    return quantisation.scales, quantisation.zero_points


def _itself(variable: _Variable, index: int) -> Tensor:
    like = (variable.reads or variable.assigned)[0]
    return replace(like, index=index, name=variable.name, is_variable=True, is_open=False, initial=_initial(variable))


def _initial(variable: _Variable) -> npt.NDArray[Any]:
    """What it holds at first: without CALL_ONCE its zero point in every byte.

    As micro_resource_variable.cc, ``MicroResourceVariables::Allocate``.
    """
    like = (variable.reads or variable.assigned)[0]
    if variable.first is not None and variable.first.data is not None:
        return variable.first.data.reshape(like.shape)
    quantisation = variable.assigned[0].quantisation
    zero_point = np.array(quantisation.zero_point if quantisation else 0).astype(np.int8)
    assert like.type.dtype is not None
    return np.full(like.byte_count, zero_point, np.int8).view(like.type.dtype).reshape(like.shape)


def _rewritten(
    graph: Graph, by_handle: dict[Tensor, _Variable], problems: dict[Operator, NotKnown]
) -> tuple[list[Operator], dict[Tensor, Tensor]]:
    """The operators that are left, and what is constant."""
    kept: list[Operator] = []
    constants: dict[Tensor, Tensor] = {}
    for original in graph.operators:
        inputs = tuple(constants.get(tensor, tensor) if tensor is not None else None for tensor in original.inputs)
        operator = original if inputs == original.inputs else replace(original, inputs=inputs)
        variable = by_handle.get(operator.input) if operator.op in _USES else None
        problem = problems.get(original) or (variable.problem if variable else None)
        if problem is not None:
            kept.append(replace(operator, options=problem))
        elif operator.op in ("VAR_HANDLE", "CALL_ONCE"):
            continue
        elif variable is None:
            kept.append(operator)
        elif variable.itself is None:
            values = _initial(variable).reshape(operator.output.shape)
            constants[operator.output] = replace(operator.output, data=values, is_open=False)
        elif operator.op == "READ_VARIABLE":
            kept.append(replace(operator, inputs=(variable.itself,)))
        else:
            kept.append(replace(operator, inputs=(operator.tensor(1),), outputs=(variable.itself,)))
    return kept, constants


def _told(variables: Iterable[_Variable]) -> list[str]:
    """A line on those that live between inferences, one on those that are constant."""
    known = [variable for variable in variables if variable.problem is None]
    lines = []
    for what, found in (
        ("live between inferences", [variable for variable in known if variable.itself is not None]),
        ("are never assigned, and so constant", [variable for variable in known if variable.itself is None]),
    ):
        if found:
            names = ", ".join(f"'{variable.name}'" for variable in found)
            lines.append(f"resource_variables: {names} {what}")
    return lines
