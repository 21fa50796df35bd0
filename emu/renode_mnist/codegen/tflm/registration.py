"""How the interpreter gets to know an operator, and what scratch memory its kernel asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from renode_mnist.codegen import operators
from renode_mnist.codegen.engine import found_in
from renode_mnist.codegen.graph import ElementType, Operator
from renode_mnist.codegen.operators import Kind


def _none(operator: Operator) -> int:
    return 0


def _nothing(operator: Operator) -> str:
    return ""


def unpacked_bytes(operator: Operator) -> int:
    """What the reference kernels unpack weights of 4 bits into."""
    weights = operator.tensor(1)
    return weights.element_count if weights.type is ElementType.INT4 else 0


def lacks(*names: str) -> Callable[[Operator], str]:
    """Refuses operators that the interpreter has no kernel for."""

    def why(operator: Operator) -> str:
        return f"TensorFlow Lite Micro has no {operator.op}" if operator.op in names else ""

    return why


def wants_constant(*positions: int, op: str = "") -> Callable[[Operator], str]:
    """Refuses an operator whose inputs there are computed in the file, though they could be at build time."""

    def why(operator: Operator) -> str:
        given = [operator.optional_input(position) for position in positions]
        computed = [tensor for tensor in given if tensor is not None and not tensor.is_constant]
        if not computed or op not in ("", operator.op):
            return ""
        return (
            f"TensorFlow Lite Micro wants {computed[0]} to be constant (fix the batch: keras.Input(batch_shape=...))"
        )

    return why


def no_variables(operator: Operator) -> str:
    """Refuses operators on variables: layer marks would count those of the subgraph that CALL_ONCE runs."""
    return "this engine gives TensorFlow Lite Micro no resource variables"


@dataclass(frozen=True)
class Registration:
    """What stands as ``REGISTRATION`` in ``tflm/<operator>.py``; the default where there is no such file.

    Attributes:
        int8: Whether there is a registration for int8 alone, which leaves the kernels for other types out of the
            image.
        scratch_bytes: In int8, of CMSIS-NN's kernels; the reference kernels ask for no more.
        wide_scratch_bytes: In int16, likewise.
        float_scratch_bytes: In float32.
        kernel_bytes: What the kernel keeps for itself beyond what most do (``arena.bookkeeping_bytes``).
        refuses: Why the interpreter cannot compute an operator that other engines do; empty where it can.
        method: Of the resolver, where its name does not follow from the operator's.
        fixed: Whether that method takes no registration, as it always adds the one that it knows.
    """

    int8: bool = False
    scratch_bytes: Callable[[Operator], int] = _none
    wide_scratch_bytes: Callable[[Operator], int] = _none
    float_scratch_bytes: Callable[[Operator], int] = _none
    kernel_bytes: Callable[[Operator], int] = _none
    refuses: Callable[[Operator], str] = _nothing
    method: str = ""
    fixed: bool = False


def of(op: str) -> Registration:
    """Of a supported operator."""
    found = found_in(__package__, operators.file_of(op), "REGISTRATION")
    return found if isinstance(found, Registration) else Registration()


def method(op: str) -> str:
    """The resolver's method: ``AddConv2D`` for CONV_2D."""
    words = (word if word[0].isdigit() else word.capitalize() for word in op.split("_"))
    return of(op).method or f"Add{''.join(words)}"


def scratch_bytes(operator: Operator) -> int:
    """Most that the kernel of an operator asks for."""
    registration = of(operator.op)
    match operators.kind(operator):
        case Kind.INT8:
            return registration.scratch_bytes(operator)
        case Kind.INT16:
            return registration.wide_scratch_bytes(operator)
        case _:
            return registration.float_scratch_bytes(operator)
