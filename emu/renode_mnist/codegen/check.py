"""What generated code can compute: refuses the rest by operator and tensor before anything is built.

After ``check`` an engine may rely on every rule of the operators' definitions: shapes agree, weights are constant,
quantisation is as TensorFlow Lite's 8-bit specification has it, its arithmetic has factors that exist. All engines
share this judgement; what one refuses beyond it (``cmsis-nn`` float32, say) is that engine's own.

What is missing comes first: whoever has to leave out an operator need not be told about its tensors.
"""

from __future__ import annotations

from math import prod

from renode_mnist import remedies
from renode_mnist.codegen import operators
from renode_mnist.codegen.graph import ElementType, Graph, Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators.definition import Definition
from renode_mnist.codegen.operators.rules import EXPORT, quantised, refusal
from renode_mnist.errors import ModelError

EDGE_TYPES = (
    ElementType.FLOAT32,
    ElementType.INT8,
    ElementType.UINT8,
    ElementType.INT16,
    ElementType.INT32,
    ElementType.INT64,
    ElementType.BOOL,
)
"""What the inputs and outputs of a network may be."""

_MOST_EDGE_DIMENSIONS = 8
"""As many as the interpreter counts (runtime_shape.h, ``kMaxSmallSize`` and what is copied beyond it)."""


def check(graph: Graph) -> None:
    """Refuses what no engine computes.

    Raises:
        ModelError: Names the operator and the tensor, and says what would work.
    """
    for operator in graph.operators:
        if operators.find(operator.op) is None:
            raise _unknown(operator)
    _nothing_is_wrong(graph)
    for operator in graph.operators:
        definition = operators.definition(operator)
        definition.inputs(operator)
        _kind(operator, definition)
        _shapes(operator, definition)
        _rules(operator, definition, Lowering(graph))
    _edges(graph)
    if all(operators.definition(operator).free for operator in graph.operators):
        raise ModelError(f"{graph.name} computes nothing", "Give a model with at least one layer")


def _nothing_is_wrong(graph: Graph) -> None:
    """No tensor that is used has a flaw."""
    used = [tensor for operator in graph.operators for tensor in (*operator.inputs, *operator.outputs)]
    for tensor in (*graph.inputs, *used, *graph.outputs):
        if tensor is not None and tensor.flaw:
            raise ModelError(f"{graph.name}: tensor '{tensor.name}' {tensor.flaw.what}", tensor.flaw.remedy)


def _rules(operator: Operator, definition: Definition, lowering: Lowering) -> None:
    """Its own rule, and that every number that its kernels are to be given exists.

    Scales of 1e-40 or 1e30 pass through the arithmetic of TensorFlow Lite or leave what it can hold: the reference
    kernel's own step says which, so it is made here and thrown away.
    """
    try:
        definition.rule(operator)
        definition.lower(lowering, operator)
    except ArithmeticError as error:
        raise refusal(operator, f"{error}", "Check the model's quantisation") from error


def _edges(graph: Graph) -> None:
    """What goes in and out is of types that the wire knows, and is computed."""
    for tensor in (*graph.inputs, *graph.outputs):
        if tensor.type not in EDGE_TYPES or len(tensor.shape) > _MOST_EDGE_DIMENSIONS:
            raise ModelError(f"The model's input or output {tensor} is not supported", EXPORT)
        if tensor.type in (ElementType.INT8, ElementType.UINT8):
            quantised(tensor, "The model's interface")
        elif tensor.quantisation is not None and tensor.quantisation.per_channel:
            raise ModelError(f"The model's input or output {tensor} has several scales", EXPORT)
    for tensor in graph.inputs:
        if tensor.is_constant or tensor.is_variable:
            raise ModelError(f"The model's input {tensor} is no activation", "Export the model again")
    for tensor in graph.outputs:
        if tensor.is_constant or tensor.is_variable:
            named = ", ".join(map(str, graph.inputs))
            raise ModelError(f"The output {tensor} does not depend on the input {named}", "Export the model again")


def _kind(operator: Operator, definition: Definition) -> None:
    """It is computed in the arithmetic that its types ask for."""
    kind = definition.kind(operator)
    if kind not in definition.kinds:
        known = " or ".join(each.value for each in definition.kinds)
        raise refusal(operator, f"{operator.input} asks for {kind.value}, and it is computed in {known} only")


def _shapes(operator: Operator, definition: Definition) -> None:
    """The outputs are as large as the operator makes them."""
    shapes = definition.shapes(operator)
    found = tuple(tensor.shape for tensor in operator.outputs)
    if definition.by_count:
        fits = len(shapes) <= len(found) and all(prod(a) == prod(b) for a, b in zip(shapes, found, strict=False))
    else:
        fits = shapes == found[: len(shapes)]
    if not fits:
        raise definition.mismatch(operator, shapes)


_WHILE = (
    "a loop, which is what a GRU, and an LSTM of Keras 3, becomes",
    "Give the layer unroll=True and a fixed batch, or convert an LSTM of Keras 2 (tf_keras) with a fixed batch: that "
    "becomes UNIDIRECTIONAL_SEQUENCE_LSTM",
)


def _unknown(operator: Operator) -> ModelError:
    if operator.op == "WHILE":
        reason, remedy = _WHILE
        return refusal(operator, reason, remedy)
    return ModelError(
        f"Operator {operator} is not supported",
        f"{remedies.page('operators')} says what is: {', '.join(operators.supported())}",
    )
