"""A network as Python data: what a ``.tflite`` file says, typed, checked and unchangeable.

``reader`` makes it of a file, and ``passes`` make simpler ones of it, which compute the same: operators fused into
one, tensors that are another's memory under another shape, images that stand channel by channel.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from renode_mnist.errors import ModelError

REMEDY = "Export the model again, or check that the file was copied whole"
"""Of what no converter writes."""

NHWC = "NHWC"
"""Layout of a tensor as the model has it: batch, row, column, channel."""
PLANAR = "planar"
"""Layout of an image: channel, row, column."""

T = TypeVar("T")


class ElementType(Enum):
    """Element type of a tensor; the value is its name in TensorFlow Lite's schema."""

    FLOAT32 = "FLOAT32"
    FLOAT16 = "FLOAT16"
    INT32 = "INT32"
    UINT8 = "UINT8"
    INT64 = "INT64"
    STRING = "STRING"
    BOOL = "BOOL"
    INT16 = "INT16"
    COMPLEX64 = "COMPLEX64"
    INT8 = "INT8"
    FLOAT64 = "FLOAT64"
    COMPLEX128 = "COMPLEX128"
    UINT64 = "UINT64"
    RESOURCE = "RESOURCE"
    VARIANT = "VARIANT"
    UINT32 = "UINT32"
    UINT16 = "UINT16"
    INT4 = "INT4"
    BFLOAT16 = "BFLOAT16"

    @property
    def dtype(self) -> np.dtype[Any] | None:
        """The little-endian NumPy type, or None where NumPy has none of that size."""
        name = _DTYPES.get(self)
        return np.dtype(name) if name else None

    @property
    def byte_count(self) -> int:
        """Bytes of one element; 0 where elements have no fixed number of whole bytes."""
        dtype = self.dtype
        return dtype.itemsize if dtype is not None else 0


_DTYPES = {
    ElementType.FLOAT32: "<f4",
    ElementType.FLOAT16: "<f2",
    ElementType.INT32: "<i4",
    ElementType.UINT8: "u1",
    ElementType.INT64: "<i8",
    ElementType.BOOL: "?",
    ElementType.INT16: "<i2",
    ElementType.COMPLEX64: "<c8",
    ElementType.INT8: "i1",
    ElementType.FLOAT64: "<f8",
    ElementType.COMPLEX128: "<c16",
    ElementType.UINT64: "<u8",
    ElementType.UINT32: "<u4",
    ElementType.UINT16: "<u2",
    ElementType.BFLOAT16: "<u2",
}


@dataclass(frozen=True)
class Quantisation:
    """Affine quantisation: real = scale * (stored - zero point), one pair for all or one a channel.

    Attributes:
        scales: float32 values, as Python floats.
        zero_points: As many as there are scales.
        axis: Dimension that the scales run along; only where there are several.
    """

    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int

    @property
    def per_channel(self) -> bool:
        """Whether there is more than one scale."""
        return len(self.scales) > 1

    @property
    def scale(self) -> float:
        """The first scale: the only one unless ``per_channel``."""
        return self.scales[0]

    @property
    def zero_point(self) -> int:
        """The first zero point."""
        return self.zero_points[0]


@dataclass(frozen=True)
class Flaw:
    """What is wrong with a tensor of a file that is otherwise well formed.

    Attributes:
        what: Follows the tensor's name: ``has the shape [0, 3]``.
        remedy: What to do.
    """

    what: str
    remedy: str


@dataclass(frozen=True, eq=False)
class Tensor:
    """One tensor of the model. Identity tells tensors apart.

    Attributes:
        index: Number in the file.
        name: Name in the file, or ``tensor<index>``.
        shape: Batch first, channels last; all at least 1, unless that is its flaw. Empty for a scalar.
        quantisation: None for a tensor of real or integer numbers. As the file has it: rules of operators judge it.
        data: Read-only values of a constant, in ``shape``; None for an activation. Those of INT4 as int8.
        flaw: Why nothing can be computed with it; None where nothing is wrong. ``check`` refuses it, but
            operators that nothing computes first.
        is_open: Whether the file leaves dimensions open, and its shape there is only a guess.
        is_variable: Whether it lives between inferences: an operator's own memory, or a variable that operators read
            and assign.
        initial: What a variable holds at first, in ``shape``; None for what TensorFlow Lite Micro resets it to.
    """

    index: int
    name: str
    type: ElementType
    shape: tuple[int, ...]
    quantisation: Quantisation | None
    data: npt.NDArray[Any] | None
    is_variable: bool = False
    is_open: bool = False
    flaw: Flaw | None = None
    initial: npt.NDArray[Any] | None = None

    @property
    def is_constant(self) -> bool:
        """Whether the file holds its values."""
        return self.data is not None

    @property
    def element_count(self) -> int:
        """Product of the shape; 1 for a scalar."""
        return math.prod(self.shape)

    @property
    def byte_count(self) -> int:
        """Bytes in memory; two elements of INT4 share one."""
        if self.type is ElementType.INT4:
            return -(-self.element_count // 2)
        return self.element_count * self.type.byte_count

    def __str__(self) -> str:
        shape = "x".join(map(str, self.shape)) or "scalar"
        return f"'{self.name}' ({self.type.value.lower()} {shape})"


@dataclass(frozen=True, eq=False)
class Operator:
    """One operator of the model, or several fused. Identity tells operators apart.

    Attributes:
        index: Place in the order of execution, in the file.
        op: TensorFlow Lite's name (``CONV_2D``); ``CUSTOM:<code>`` for a custom operator.
        inputs: None where an optional input (a bias) is left out.
        options: As the operator's own file in ``operators`` reads them; None where it has none.
        fused: The operators that are computed in one, in order; empty where it is a single one. All else here
            is the first one's, but for ``outputs``, which are the last one's.
        flow: Position of the input that flows; the others are weights, axes, sizes.
        live: Rows and columns of an image that anyone reads; a kernel may leave out the rest.
    """

    index: int
    op: str
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]
    options: object
    fused: tuple[Operator, ...] = ()
    flow: int = 0
    live: tuple[int, int] | None = None

    @property
    def input(self) -> Tensor:
        """What flows, as against weights and bias."""
        tensor = self.optional_input(self.flow)
        if tensor is None:
            raise ModelError(f"{self} has no input", REMEDY)
        return tensor

    @property
    def output(self) -> Tensor:
        """The first output."""
        return self.outputs[0]

    @property
    def name(self) -> str:
        """Name of the first output tensor; where it has none of the first input, or its own."""
        named = next((tensor.name for tensor in (*self.outputs, *self.inputs) if tensor is not None), "")
        return named or f"{self.op.lower()}_{self.index}"

    @property
    def parts(self) -> tuple[Operator, ...]:
        """The operators of the file that it computes, in order."""
        return self.fused or (self,)

    def optional_input(self, position: int) -> Tensor | None:
        """The input at ``position``, or None where it is left out."""
        return self.inputs[position] if position < len(self.inputs) else None

    def tensor(self, position: int) -> Tensor:
        """The input at ``position``, which its rule has found there."""
        tensor = self.inputs[position]
        assert tensor is not None
        return tensor

    def constant(self, position: int) -> npt.NDArray[Any]:
        """The values of the input at ``position``, which its rule has found constant."""
        data = self.tensor(position).data
        assert data is not None
        return data

    def options_as(self, kind: type[T]) -> T:
        """The options, which are of this kind."""
        assert isinstance(self.options, kind)
        return self.options

    def __str__(self) -> str:
        return f"{self.op} '{self.name}'"


@dataclass(frozen=True, eq=False)
class Graph:
    """A network: the first subgraph of a ``.tflite`` file; or one that it calls, which may have no inputs or outputs.

    Attributes:
        name: File name without directory.
        sha256: Of the whole file, 64 hexadecimal digits.
        file_bytes: Length of the file.
        operators: In an order in which they can be executed.
        aliases: Tensors that are another's memory under another shape, with that other.
        layouts: How an image stands in memory, where that is not ``NHWC``.
        rewrites: What passes did to the file's network, a line each.
        called: The subgraphs that its operators name (``Definition.calls``), by their numbers.
    """

    name: str
    sha256: str
    file_bytes: int
    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    aliases: Mapping[Tensor, Tensor] = field(default_factory=dict)
    layouts: Mapping[Tensor, str] = field(default_factory=dict)
    rewrites: tuple[str, ...] = ()
    called: Mapping[int, Graph] = field(default_factory=dict)

    def root(self, tensor: Tensor) -> Tensor:
        """The tensor in whose memory ``tensor`` stands: itself, where it is no alias."""
        while tensor in self.aliases:
            tensor = self.aliases[tensor]
        return tensor

    def producer(self, tensor: Tensor) -> Operator | None:
        """The operator that writes ``tensor``; None for a constant or an input."""
        root = self.root(tensor)
        return next((op for op in self.operators if root in op.outputs), None)

    def consumers(self, tensor: Tensor) -> tuple[Operator, ...]:
        """The operators that read what ``tensor`` holds, under whichever shape."""
        root = self.root(tensor)
        return tuple(
            op for op in self.operators if any(read is not None and self.root(read) is root for read in op.inputs)
        )

    def is_output(self, tensor: Tensor) -> bool:
        """Whether the network hands out what ``tensor`` holds."""
        root = self.root(tensor)
        return any(self.root(output) is root for output in self.outputs)
