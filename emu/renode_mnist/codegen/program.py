"""The program that an engine runs, before it becomes C++: steps, buffers, constants and parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from renode_mnist.codegen.graph import NHWC, Operator, Tensor

ARENA_ALIGNMENT = 8

C_TYPES = {
    "float32": "float",
    "int8": "std::int8_t",
    "uint8": "std::uint8_t",
    "int16": "std::int16_t",
    "uint16": "std::uint16_t",
    "int32": "std::int32_t",
    "uint32": "std::uint32_t",
    "int64": "std::int64_t",
    "bool": "bool",
}
"""C++ element type of each NumPy type that buffers and constants can have."""


@dataclass(frozen=True, eq=False)
class Buffer:
    """A region of the arena. Identity tells buffers apart; two steps agree by naming the same one.

    Attributes:
        name: C++ identifier, as used in ``Step.call``; unique in a program.
        dtype: NumPy name of the element type, a key of ``C_TYPES``.
        element_count: Padding that the layout wants included.
        layout: Tag that says how the elements stand: ``NHWC`` as in the model, or a back-end's own.
        tensor: The model's tensor that it holds; None for scratch.
        alignment: In bytes; at most ``ARENA_ALIGNMENT``.
    """

    name: str
    dtype: str
    element_count: int
    layout: str = NHWC
    tensor: Tensor | None = None
    alignment: int = ARENA_ALIGNMENT

    @property
    def byte_count(self) -> int:
        """Bytes in the arena."""
        return self.element_count * np.dtype(self.dtype).itemsize


@dataclass(frozen=True, eq=False)
class StateBuffer:
    """A variable that lives between inferences, outside of the arena. Identity tells them apart.

    Attributes:
        name: C++ identifier, as used in ``Step.call``; unique in a program.
        initial: What it holds before the first inference and after a reset; any shape, and its type decides the
            C++ type.
        tensor: The model's tensor that it holds, where there is one.
    """

    name: str
    initial: npt.NDArray[Any]
    tensor: Tensor | None = None

    @property
    def byte_count(self) -> int:
        """Bytes in RAM."""
        return self.initial.nbytes


@dataclass(frozen=True, eq=False)
class Constant:
    """A const array in flash.

    Attributes:
        name: C++ identifier, as used in ``Step.call``; unique in a program.
        values: Any shape; its type decides the C++ type. Stored flat, in C order.
        comment: What it holds and in which order, for the reader of the C++.
        alignment: In bytes.
    """

    name: str
    values: npt.NDArray[Any]
    comment: str
    alignment: int = 4

    @property
    def byte_count(self) -> int:
        """Bytes in flash."""
        return self.values.nbytes


Value = int | float | bool | str | tuple["Value", ...] | Mapping[str, "Value"]
"""Of a parameter: a number, a C++ expression (str), an array (tuple) or a struct (mapping of its fields)."""


@dataclass(frozen=True)
class Parameter:
    """A named ``constexpr`` of a step: ``constexpr <type> <name>{...};``."""

    name: str
    type: str
    value: Value


@dataclass(frozen=True, eq=False)
class Step:
    """One call in ``invoke``: one operator, or several fused.

    Attributes:
        name: Of the step's output tensor in the model.
        operators: What it computes, in the model's order; never empty.
        reads: Buffers that must hold their content when it starts.
        writes: Buffers that hold its results.
        call: One C++ statement, naming buffers, constants and parameters by their names.
        scratch: Buffers alive in this step only.
        state: Variables that it reads or writes; may be shared with other steps.
        constants: Flash arrays it uses; may be shared with other steps.
        parameters: Constexpr values it uses; may be shared with other steps.
        headers: What the emitted file includes for it, relative to ``firmware/``.
        declarations: C++ put before ``invoke``, for what parameters can't say.
        in_place: Whether ``writes[0]`` may stand where ``reads[0]`` stood, if nothing reads that later.
        macs: Multiply-accumulates that the model asks for; see ``operators.macs``.
        engine: Whose kernel computes it: another's than the plan's where its own falls back on that.
        fallback: Why it is another's; empty where it is the plan's own.
        kernel: What computes it, in words that tell it from the layer's other candidates.
        faster: Candidates that would take less time, and why none of them was taken; empty where there is none.
    """

    name: str
    operators: tuple[Operator, ...]
    reads: tuple[Buffer, ...]
    writes: tuple[Buffer, ...]
    call: str
    scratch: tuple[Buffer, ...] = ()
    state: tuple[StateBuffer, ...] = ()
    constants: tuple[Constant, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    headers: tuple[str, ...] = ()
    declarations: str = ""
    in_place: bool = False
    macs: int = 0
    engine: str = ""
    fallback: str = ""
    kernel: str = ""
    faster: str = ""

    @property
    def op(self) -> str:
        """Operator names joined by '+'."""
        return "+".join(operator.op for operator in self.operators)


@dataclass(frozen=True, eq=False)
class Program:
    """What a back-end makes of a graph.

    Attributes:
        inputs: Where the input tensors are written before the first step, in the model's order.
        outputs: Hold the output tensors after the last, in the model's order. Two may be the same buffer, one may be
            an input's, and one may be read by a step.
        notes: What the planner gave up for limits, a line each.
    """

    steps: tuple[Step, ...]
    inputs: tuple[Buffer, ...]
    outputs: tuple[Buffer, ...]
    notes: tuple[str, ...] = ()

    @property
    def state(self) -> tuple[StateBuffer, ...]:
        """What lives between inferences, in the order of first use."""
        return tuple(dict.fromkeys(variable for step in self.steps for variable in step.state))
