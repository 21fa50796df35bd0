"""A network as Python data: what a ``.tflite`` file says, typed, checked and unchangeable.

``load`` is the one place that reads the file. It takes any well-formed model, also one with operators that no
engine computes, so that ``inspect`` can show it; what can be built is decided in ``support``.
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import tflite

from renode_mnist.errors import ModelError

_IDENTIFIER = b"TFL3"
_SUPPORTED_VERSION = 3
# More than any tensor that this chip's 1 MiB of flash or 320 KiB of RAM could hold, and little enough that
# no product of dimensions taken from a broken file makes Python busy.
_MOST_ELEMENTS = 1 << 28
_REMEDY = "Export the model again, or check that the file was copied whole"


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
_ELEMENT_TYPES = {value: ElementType(name) for name, value in vars(tflite.TensorType).items() if name.isupper()}


class Activation(Enum):
    """Function fused into an operator's output."""

    NONE = "NONE"
    RELU = "RELU"
    RELU_N1_TO_1 = "RELU_N1_TO_1"
    RELU6 = "RELU6"
    TANH = "TANH"
    SIGN_BIT = "SIGN_BIT"

    @property
    def bounds(self) -> tuple[float, float]:
        """Smallest and greatest real output.

        Raises:
            ValueError: TANH and SIGN_BIT are no clamps.
        """
        match self:
            case Activation.NONE:
                return -math.inf, math.inf
            case Activation.RELU:
                return 0.0, math.inf
            case Activation.RELU_N1_TO_1:
                return -1.0, 1.0
            case Activation.RELU6:
                return 0.0, 6.0
            case _:
                raise ValueError(f"{self.value} does not clamp")


class Padding(Enum):
    """How a window meets the border of its input."""

    SAME = "SAME"
    VALID = "VALID"


@dataclass(frozen=True)
class ConvOptions:
    """Of CONV_2D and DEPTHWISE_CONV_2D; pairs are (height, width)."""

    padding: Padding
    stride: tuple[int, int]
    dilation: tuple[int, int]
    activation: Activation


@dataclass(frozen=True)
class PoolOptions:
    """Of MAX_POOL_2D and AVERAGE_POOL_2D; pairs are (height, width)."""

    padding: Padding
    stride: tuple[int, int]
    filter: tuple[int, int]
    activation: Activation


@dataclass(frozen=True)
class FullyConnectedOptions:
    """Of FULLY_CONNECTED.

    Attributes:
        asymmetric_quantize_inputs: Of a hybrid operator: whether its input is quantised with a zero point.
        shuffled: Whether the weights are in the 4x16 shuffled format.
    """

    activation: Activation
    keep_num_dims: bool
    asymmetric_quantize_inputs: bool
    shuffled: bool


@dataclass(frozen=True)
class SoftmaxOptions:
    """Of SOFTMAX."""

    beta: float


@dataclass(frozen=True)
class AddOptions:
    """Of ADD."""

    activation: Activation


@dataclass(frozen=True)
class ReducerOptions:
    """Of MEAN."""

    keep_dims: bool


Options = ConvOptions | PoolOptions | FullyConnectedOptions | SoftmaxOptions | AddOptions | ReducerOptions | None


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


@dataclass(frozen=True, eq=False)
class Tensor:
    """One tensor of the model. Identity tells tensors apart.

    Attributes:
        index: Number in the file.
        name: Name in the file, or ``tensor<index>``.
        shape: Batch first, channels last; all at least 1. Empty for a scalar.
        quantisation: None for a tensor of real or integer numbers.
        data: Read-only values of a constant, in ``shape``; None for an activation.
    """

    index: int
    name: str
    type: ElementType
    shape: tuple[int, ...]
    quantisation: Quantisation | None
    data: npt.NDArray[Any] | None

    @property
    def is_constant(self) -> bool:
        """Whether the file holds its values."""
        return self.data is not None

    @property
    def element_count(self) -> int:
        """Product of the shape."""
        return math.prod(self.shape)

    @property
    def byte_count(self) -> int:
        """Bytes in memory."""
        return self.element_count * self.type.byte_count

    def __str__(self) -> str:
        shape = "x".join(map(str, self.shape)) or "scalar"
        return f"'{self.name}' ({self.type.value.lower()} {shape})"


@dataclass(frozen=True, eq=False)
class Operator:
    """One operator of the model.

    Attributes:
        index: Place in the order of execution.
        op: TensorFlow Lite's name (``CONV_2D``); ``CUSTOM:<code>`` for a custom operator.
        inputs: None where an optional input (a bias) is left out.
    """

    index: int
    op: str
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]
    options: Options

    @property
    def input(self) -> Tensor:
        """The first input: what flows, as against weights and bias."""
        tensor = self.inputs[0] if self.inputs else None
        if tensor is None:
            raise ModelError(f"{self} has no input", _REMEDY)
        return tensor

    @property
    def output(self) -> Tensor:
        """The first output."""
        return self.outputs[0]

    @property
    def name(self) -> str:
        """Name of the first output tensor."""
        return self.outputs[0].name

    def optional_input(self, position: int) -> Tensor | None:
        """The input at ``position``, or None where it is left out."""
        return self.inputs[position] if position < len(self.inputs) else None

    def __str__(self) -> str:
        return f"{self.op} '{self.name}'"


@dataclass(frozen=True, eq=False)
class Graph:
    """A network: the first subgraph of a ``.tflite`` file.

    Attributes:
        name: File name without directory.
        sha256: Of the whole file, 64 hexadecimal digits.
        file_bytes: Length of the file.
        operators: In an order in which they can be executed.
    """

    name: str
    sha256: str
    file_bytes: int
    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]

    def producer(self, tensor: Tensor) -> Operator | None:
        """The operator that writes ``tensor``; None for a constant or an input."""
        return next((op for op in self.operators if tensor in op.outputs), None)

    def consumers(self, tensor: Tensor) -> tuple[Operator, ...]:
        """The operators that read ``tensor``."""
        return tuple(op for op in self.operators if tensor in op.inputs)


def load(path: Path | str) -> Graph:
    """Reads a ``.tflite`` file.

    Raises:
        ModelError: The file can't be read, is no model, or contradicts itself.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"Cannot read the model {path}: {error.strerror}", "Give the path of a .tflite file"
        ) from error
    return parse(content, path.name)


def parse(content: bytes, name: str) -> Graph:
    """Reads a model from memory; see ``load``."""
    if len(content) < 8 or content[4:8] != _IDENTIFIER:
        raise ModelError(
            f"{name} is no TensorFlow Lite model: its bytes 4 to 7 are {content[4:8]!r}, not {_IDENTIFIER!r}",
            "Give a .tflite file; `renode-mnist export` makes one from a Keras model",
        )
    try:
        return _Reader(content, name).read()
    except ModelError:
        raise
    # The flatbuffers package does not verify: broken offsets surface as whatever the access happens to raise.
    except (struct.error, IndexError, TypeError, ValueError, ArithmeticError, MemoryError) as error:
        raise ModelError(f"{name} is damaged: {error}", _REMEDY) from error


T = TypeVar("T")


class _Reader:
    """Walks over the flatbuffer; every count and index is checked before it is used."""

    def __init__(self, content: bytes, name: str) -> None:
        self._content = content
        self._name = name

    def read(self) -> Graph:
        model = tflite.Model.GetRootAs(self._content, 0)
        if model.Version() != _SUPPORTED_VERSION:
            raise self._error(f"schema version {model.Version()} instead of {_SUPPORTED_VERSION}")
        self._buffers = self._vector(model.BuffersLength(), model.Buffers, "buffers")
        self._codes = self._vector(model.OperatorCodesLength(), model.OperatorCodes, "operator codes")
        if not 1 <= model.SubgraphsLength() <= len(self._content):
            raise self._error("it holds no graph")
        subgraph = model.Subgraphs(0)
        # A broken vector of tables can name one valid table very often: tensors are limited by file size / 4.
        tables = self._vector(subgraph.TensorsLength(), subgraph.Tensors, "tensors")
        self._tensors = tuple(self._tensor(i, table) for i, table in enumerate(tables))
        inputs = self._references(subgraph.InputsLength(), subgraph.Inputs, "graph inputs")
        outputs = self._references(subgraph.OutputsLength(), subgraph.Outputs, "graph outputs")
        tables = self._vector(subgraph.OperatorsLength(), subgraph.Operators, "operators")
        operators = tuple(self._operator(i, table) for i, table in enumerate(tables))
        graph = Graph(
            name=self._name,
            sha256=hashlib.sha256(self._content).hexdigest(),
            file_bytes=len(self._content),
            tensors=self._tensors,
            operators=operators,
            inputs=self._present(inputs, "graph inputs"),
            outputs=self._present(outputs, "graph outputs"),
        )
        self._check_order(graph)
        return graph

    def _error(self, what: str) -> ModelError:
        return ModelError(f"{self._name} is damaged: {what}", _REMEDY)

    def _vector(self, length: int, item: Callable[[int], T | None], what: str) -> list[T]:
        if not 0 <= length <= len(self._content) // 4:
            raise self._error(f"{length} {what} in {len(self._content)} bytes")
        items = [item(i) for i in range(length)]
        if any(entry is None for entry in items):
            raise self._error(f"an entry of its {what} is missing")
        return [entry for entry in items if entry is not None]

    def _references(self, length: int, item: Callable[[int], int], what: str) -> tuple[Tensor | None, ...]:
        found: list[Tensor | None] = []
        for index in self._vector(length, item, what):
            if not -1 <= index < len(self._tensors):
                raise self._error(f"{what} name tensor {index}, but there are {len(self._tensors)}")
            found.append(self._tensors[index] if index >= 0 else None)
        return tuple(found)

    def _present(self, tensors: tuple[Tensor | None, ...], what: str) -> tuple[Tensor, ...]:
        present = tuple(tensor for tensor in tensors if tensor is not None)
        if not present or len(present) != len(tensors):
            raise self._error(f"its {what} are missing")
        return present

    def _text(self, raw: bytes | None) -> str:
        return raw.decode("utf-8", errors="replace") if raw else ""

    def _tensor(self, index: int, table: Any) -> Tensor:
        name = self._text(table.Name()) or f"tensor{index}"
        code = table.Type()
        if code not in _ELEMENT_TYPES:
            raise self._error(f"tensor '{name}' has the unknown element type {code}")
        element_type = _ELEMENT_TYPES[code]
        shape = tuple(int(n) for n in self._vector(table.ShapeLength(), table.Shape, f"dimensions of '{name}'"))
        if any(n < 1 for n in shape) or math.prod(shape) > _MOST_ELEMENTS:
            raise ModelError(
                f"{self._name}: tensor '{name}' has the shape {list(shape)}",
                "Export the model with every dimension fixed, the batch too",
            )
        if table.Sparsity() is not None:
            raise ModelError(f"{self._name}: tensor '{name}' is stored sparse", "Export the model with dense weights")
        return Tensor(
            index=index,
            name=name,
            type=element_type,
            shape=shape,
            quantisation=self._quantisation(table.Quantization(), name, shape),
            data=self._data(table.Buffer(), name, element_type, shape),
        )

    def _quantisation(self, table: Any, name: str, shape: tuple[int, ...]) -> Quantisation | None:
        if table is None or table.ScaleLength() == 0:
            return None
        what = f"of the quantisation of '{name}'"
        scales = tuple(float(s) for s in self._vector(table.ScaleLength(), table.Scale, f"scales {what}"))
        zeros = tuple(int(z) for z in self._vector(table.ZeroPointLength(), table.ZeroPoint, f"zero points {what}"))
        if len(zeros) <= 1:
            zeros = (zeros[0] if zeros else 0,) * len(scales)
        axis = table.QuantizedDimension()
        if len(zeros) != len(scales) or not all(math.isfinite(s) and s > 0 for s in scales):
            raise self._error(f"the quantisation of '{name}' is not valid")
        if len(scales) > 1 and not (0 <= axis < len(shape) and shape[axis] == len(scales)):
            raise self._error(f"'{name}' has {len(scales)} scales along dimension {axis} of {list(shape)}")
        return Quantisation(scales, zeros, axis)

    def _data(
        self, buffer: int, name: str, element_type: ElementType, shape: tuple[int, ...]
    ) -> npt.NDArray[Any] | None:
        if not 0 <= buffer < len(self._buffers):
            raise self._error(f"'{name}' names buffer {buffer}, but there are {len(self._buffers)}")
        table = self._buffers[buffer]
        if buffer == 0 or table.DataLength() == 0:
            return None
        dtype = element_type.dtype
        if dtype is None:
            return np.empty(0, np.uint8)
        if table.DataLength() > len(self._content):
            raise self._error(f"the data of '{name}' reaches beyond the end of the file")
        raw: bytes = table.DataAsNumpy().tobytes()
        if len(raw) != math.prod(shape) * dtype.itemsize:
            raise self._error(f"'{name}' holds {len(raw)} bytes, but its shape is {list(shape)}")
        return np.frombuffer(raw, dtype).reshape(shape)

    def _operator(self, index: int, table: Any) -> Operator:
        code = table.OpcodeIndex()
        if not 0 <= code < len(self._codes):
            raise self._error(f"operator {index} names operator code {code} of {len(self._codes)}")
        op = self._op_name(self._codes[code])
        inputs = self._references(table.InputsLength(), table.Inputs, f"inputs of operator {index}")
        outputs = self._references(table.OutputsLength(), table.Outputs, f"outputs of operator {index}")
        return Operator(
            index=index,
            op=op,
            inputs=inputs,
            outputs=self._present(outputs, f"outputs of operator {index}"),
            options=self._options(op, table),
        )

    def _op_name(self, code: Any) -> str:
        # Files from before 2020 have only the 8-bit field; later ones fill both where the number fits.
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        if number == tflite.BuiltinOperator.CUSTOM:
            return f"CUSTOM:{self._text(code.CustomCode())}"
        if number not in _OP_NAMES:
            return f"BUILTIN:{number}"
        return _OP_NAMES[number]

    def _options(self, op: str, table: Any) -> Options:
        if op not in _OPTIONS:
            return None
        type_code, cls, convert = _OPTIONS[op]
        raw = table.BuiltinOptions()
        if table.BuiltinOptionsType() != type_code or raw is None:
            raise self._error(f"operator {op} has no options")
        options = cls()
        options.Init(raw.Bytes, raw.Pos)
        return convert(options)

    def _check_order(self, graph: Graph) -> None:
        ready = {t.index for t in graph.tensors if t.is_constant} | {t.index for t in graph.inputs}
        for operator in graph.operators:
            for tensor in operator.inputs:
                if tensor is not None and tensor.index not in ready:
                    raise self._error(f"{operator} reads '{tensor.name}' before anything wrote it")
            for tensor in operator.outputs:
                if tensor.index in ready:
                    raise self._error(f"{operator} writes '{tensor.name}', which is already written")
                ready.add(tensor.index)
        for tensor in graph.outputs:
            if tensor.index not in ready:
                raise self._error(f"nothing writes the output '{tensor.name}'")


_OP_NAMES: dict[int, str] = {value: name for name, value in vars(tflite.BuiltinOperator).items() if name.isupper()}
_ACTIVATIONS = {
    value: Activation(name) for name, value in vars(tflite.ActivationFunctionType).items() if name.isupper()
}
_PADDINGS = {value: Padding(name) for name, value in vars(tflite.Padding).items() if name.isupper()}


def _enum(table: dict[int, T], value: int, what: str) -> T:
    if value not in table:
        raise ValueError(f"{what} {value} is unknown")
    return table[value]


def _pair(height: int, width: int, what: str) -> tuple[int, int]:
    if not (1 <= height <= 1 << 15 and 1 <= width <= 1 << 15):
        raise ValueError(f"{what} {height}x{width} is out of range")
    return height, width


def _conv_options(table: Any) -> ConvOptions:
    return ConvOptions(
        padding=_enum(_PADDINGS, table.Padding(), "padding"),
        stride=_pair(table.StrideH(), table.StrideW(), "stride"),
        dilation=_pair(table.DilationHFactor(), table.DilationWFactor(), "dilation"),
        activation=_enum(_ACTIVATIONS, table.FusedActivationFunction(), "activation"),
    )


def _pool_options(table: Any) -> PoolOptions:
    return PoolOptions(
        padding=_enum(_PADDINGS, table.Padding(), "padding"),
        stride=_pair(table.StrideH(), table.StrideW(), "stride"),
        filter=_pair(table.FilterHeight(), table.FilterWidth(), "filter"),
        activation=_enum(_ACTIVATIONS, table.FusedActivationFunction(), "activation"),
    )


def _fully_connected_options(table: Any) -> FullyConnectedOptions:
    return FullyConnectedOptions(
        activation=_enum(_ACTIVATIONS, table.FusedActivationFunction(), "activation"),
        keep_num_dims=bool(table.KeepNumDims()),
        asymmetric_quantize_inputs=bool(table.AsymmetricQuantizeInputs()),
        shuffled=table.WeightsFormat() != tflite.FullyConnectedOptionsWeightsFormat.DEFAULT,
    )


_OPTIONS: dict[str, tuple[int, Callable[[], Any], Callable[[Any], Options]]] = {
    "CONV_2D": (tflite.BuiltinOptions.Conv2DOptions, tflite.Conv2DOptions, _conv_options),
    "DEPTHWISE_CONV_2D": (
        tflite.BuiltinOptions.DepthwiseConv2DOptions,
        tflite.DepthwiseConv2DOptions,
        _conv_options,
    ),
    "MAX_POOL_2D": (tflite.BuiltinOptions.Pool2DOptions, tflite.Pool2DOptions, _pool_options),
    "AVERAGE_POOL_2D": (tflite.BuiltinOptions.Pool2DOptions, tflite.Pool2DOptions, _pool_options),
    "FULLY_CONNECTED": (
        tflite.BuiltinOptions.FullyConnectedOptions,
        tflite.FullyConnectedOptions,
        _fully_connected_options,
    ),
    "SOFTMAX": (
        tflite.BuiltinOptions.SoftmaxOptions,
        tflite.SoftmaxOptions,
        lambda table: SoftmaxOptions(beta=float(table.Beta())),
    ),
    "ADD": (
        tflite.BuiltinOptions.AddOptions,
        tflite.AddOptions,
        lambda table: AddOptions(_enum(_ACTIVATIONS, table.FusedActivationFunction(), "activation")),
    ),
    "MEAN": (
        tflite.BuiltinOptions.ReducerOptions,
        tflite.ReducerOptions,
        lambda table: ReducerOptions(keep_dims=bool(table.KeepDims())),
    ),
}
