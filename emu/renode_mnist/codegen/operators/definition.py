"""What the tool knows of one operator: the form that each file of this package fills in."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy.typing as npt

from renode_mnist.codegen.graph import ElementType, Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators.rules import EXPORT_AGAIN, refusal
from renode_mnist.codegen.operators.samples import Declared
from renode_mnist.codegen.program import Step
from renode_mnist.errors import ModelError

Shapes = tuple[tuple[int, ...], ...]
"""One shape an output."""

Folded = tuple[npt.NDArray[Any], ...]
"""One array an output, in its shape and type."""


class Kind(Enum):
    """Arithmetic of an operator."""

    FLOAT32 = "float32"
    INT8 = "int8"
    """8-bit integers, also where one end of the operator is float32."""
    INT16 = "int16x8"
    """int16 activations, which meet int8 weights; also where one end of the operator is another type."""
    HYBRID = "dynamic range"
    """float32 activations, quantised at run time to meet int8 weights ("hybrid")."""


@dataclass(frozen=True)
class OptionsTable:
    """How options stand in the file.

    Attributes:
        table: Name of the flatbuffer table: ``Conv2DOptions``.
        read: Makes options of that table. A ``ValueError`` says what in it is out of range.
    """

    table: str
    read: Callable[[Any], object]


def kind_of_input(operator: Operator) -> Kind:
    """Of an operator without weights."""
    return {ElementType.FLOAT32: Kind.FLOAT32, ElementType.INT16: Kind.INT16}.get(operator.input.type, Kind.INT8)


def kind_of_ends(operator: Operator) -> Kind:
    """Of an operator that brings numbers from one type to another."""
    wide = ElementType.INT16 in (operator.input.type, operator.output.type)
    return Kind.INT16 if wide else Kind.INT8


def same_shape(operator: Operator) -> Shapes:
    """One output, as large as the first input."""
    return (operator.input.shape,)


def does_not_fit(operator: Operator, shapes: Shapes) -> ModelError:
    """What an operator usually says of an output of another shape."""
    return refusal(operator, f"{operator.input} does not fit {operator.output}", EXPORT_AGAIN)


def _nothing(operator: Operator) -> int:
    return 0


def _no_calls(operator: Operator) -> tuple[int, ...]:
    return ()


def _no_rule(operator: Operator) -> None:
    pass


@dataclass(frozen=True)
class Definition:
    """An operator, or a family that differs in a line; ``DEFINITION`` in each file of this package.

    ``check`` calls ``inputs``, compares ``shapes`` with the outputs, and calls ``rule``, in this order: each may rely
    on those before it. The other functions see only operators that have passed.

    Attributes:
        names: TensorFlow Lite's names.
        kinds: Arithmetics that it is computed in, for the page of operators.
        inputs: Raises ``ModelError`` where types, constants or weights are none that are taken.
        shapes: Computes the outputs' shapes from the inputs' shapes, constants and options.
        resolved: The outputs' shapes where the file leaves them open; ``shapes``, where nothing is said.
        lower: The reference kernel's step: what computes it where an engine has no kernel of its own.
        fast_in: Arithmetics in which another kernel would gain next to nothing, for this one only moves numbers or
            looks them up: no engine that leaves the operator to it falls back.
        remark: What is taken and what is not, in a few words, for the page of operators.
        rule: Raises ``ModelError`` where anything else is refused.
        mismatch: The refusal where an output has another shape than that of ``shapes``.
        by_count: Whether outputs need only have as many elements as ``shapes`` says, in any shape.
        free: Whether the output is the input's memory under another shape.
        flow: Position of the input that flows.
        has_outputs: Whether it has outputs in a file.
        calls: Numbers of the file's subgraphs that it calls, from its options alone.
        fold: Its outputs' values where all its inputs are constant, to the bit as a kernel would compute them; None
            where that is not worth knowing. It may raise ``ValueError`` where it cannot.
        folds_shapes: Whether ``fold`` asks for the first input's shape only, not for its values.
        options: None where it has none that matter.
        kind: Its arithmetic.
        macs: Multiply-accumulates. Called also for operators that were refused.
        parameters: Trained numbers; likewise.
        samples: What tests try it on, and what they see refused; see ``samples``. Empty for an operator that makes
            no network by itself, and has tests of its own.
    """

    names: tuple[str, ...]
    kinds: tuple[Kind, ...]
    inputs: Callable[[Operator], None]
    shapes: Callable[[Operator], Shapes]
    lower: Callable[[Lowering, Operator], Step]
    fast_in: Collection[Kind] = ()
    remark: str = ""
    rule: Callable[[Operator], None] = _no_rule
    mismatch: Callable[[Operator, Shapes], ModelError] = does_not_fit
    by_count: bool = False
    free: bool = False
    flow: int = 0
    has_outputs: bool = True
    calls: Callable[[Operator], tuple[int, ...]] = _no_calls
    resolved: Callable[[Operator], Shapes] | None = None
    fold: Callable[[Operator], Folded] | None = None
    folds_shapes: bool = False
    options: OptionsTable | None = None
    kind: Callable[[Operator], Kind] = kind_of_input
    macs: Callable[[Operator], int] = _nothing
    parameters: Callable[[Operator], int] = _nothing
    samples: Callable[[], Declared] = tuple

    @property
    def at_build_time_only(self) -> bool:
        """Whether there is no kernel for it: what cannot be folded is refused."""
        return not self.kinds


def build_time(*names: str, fold: Callable[[Operator], Folded], **more: Any) -> Definition:
    """An operator that only makes shapes and the like of constants."""

    def refuse(operator: Operator) -> None:
        raise refusal(operator, "it is computed at build time only, and its inputs are not constant", EXPORT_AGAIN)

    def lower(lowering: Lowering, operator: Operator) -> Step:
        raise AssertionError(operator)

    def as_they_are(operator: Operator) -> Shapes:
        return tuple(tensor.shape for tensor in operator.outputs)

    return Definition(names=names, kinds=(), inputs=refuse, shapes=as_they_are, lower=lower, fold=fold, **more)
