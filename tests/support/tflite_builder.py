"""Writes small ``.tflite`` models directly: any shape, zero point and scale, in microseconds.

b = ModelBuilder()
x = b.activation((1, 8, 8, 3), "INT8", scale=0.05, zero_point=3)
w = b.constant(weights, scales=[0.01] * 4, axis=0)
y = b.activation((1, 6, 6, 4), "INT8", scale=0.1)
b.conv_2d(x, w, None, y, padding="VALID")
content = b.finish(x, y)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

_TYPES = {name: name.upper() for name in ("float32", "float16", "int8", "uint8", "int16", "int32", "int64", "bool")}

# Options tables by operator, in lower case, where they are not the operator's name and "Options".
_TABLES = {
    "average_pool_2d": "pool2doptions",
    "max_pool_2d": "pool2doptions",
    "l2_normalization": "l2normoptions",
    "maximum": "maximumminimumoptions",
    "minimum": "maximumminimumoptions",
    **dict.fromkeys(("mean", "sum", "reduce_max", "reduce_min", "reduce_prod"), "reduceroptions"),
}
# Fields whose value may be given by its name.
_ENUMERATIONS = {
    "padding": schema.Padding,
    "fusedActivationFunction": schema.ActivationFunctionType,
    "weightsFormat": schema.FullyConnectedOptionsWeightsFormat,
    "kernelType": schema.LSTMKernelType,
    "mode": schema.MirrorPadMode,
    **dict.fromkeys(("inDataType", "outDataType", "outputType", "outType", "quantizedBiasType"), schema.TensorType),
}


def options_table(op: str) -> str:
    """Name of an operator's options table (`Conv2DOptions`); empty where it has none."""
    wanted = _TABLES.get(op.lower(), f"{op.lower().replace('_', '')}options")
    return next((name for name in vars(schema.BuiltinOptions) if name.lower() == wanted), "")


def _subgraph() -> schema.SubGraphT:
    graph = schema.SubGraphT()
    graph.tensors, graph.operators, graph.inputs, graph.outputs = [], [], [], []
    return graph


class ModelBuilder:
    """Collects tensors (named by their index) and operators."""

    def __init__(self) -> None:
        self._model = schema.ModelT()
        self._model.version = 3
        self._model.operatorCodes = []
        self._model.buffers = [schema.BufferT()]
        self._graph = _subgraph()
        self._codes: dict[str, int] = {}
        self._called: list[schema.SubGraphT] = []

    def called(self) -> ModelBuilder:
        """A subgraph of the same file, without inputs and outputs; the first is number 1."""
        other = ModelBuilder()
        other._model, other._codes = self._model, self._codes
        self._called.append(other._graph)
        return other

    def activation(
        self, shape: Sequence[int], type_name: str = "FLOAT32", *, scale: float = 0.0, zero_point: int = 0
    ) -> int:
        """A tensor computed at run time; quantised where ``scale`` is given."""
        scales = [scale] if scale else []
        return self._tensor(shape, type_name, scales, [zero_point] * len(scales), 0, buffer=0)

    def variable(
        self, shape: Sequence[int], type_name: str = "FLOAT32", *, scale: float = 0.0, zero_point: int = 0
    ) -> int:
        """A tensor that lives between inferences, an operator's own memory."""
        tensor = self.activation(shape, type_name, scale=scale, zero_point=zero_point)
        self._graph.tensors[tensor].isVariable = True
        return tensor

    def constant(
        self,
        values: npt.NDArray[Any],
        *,
        scales: Sequence[float] = (),
        zero_point: int = 0,
        axis: int = 0,
        packed: bool = False,
    ) -> int:
        """A tensor with data; `packed` as INT4, two a byte."""
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
        if packed:
            pairs = np.append(buffer.data & 15, np.zeros(values.size % 2, np.uint8)).reshape(-1, 2)
            buffer.data = pairs[:, 0] | pairs[:, 1] << 4
        self._model.buffers.append(buffer)
        zeros = [zero_point] * len(scales)
        type_name = "INT4" if packed else _TYPES[values.dtype.name]
        return self._tensor(values.shape, type_name, list(scales), zeros, axis, buffer=len(self._model.buffers) - 1)

    def shape(self, tensor: int) -> tuple[int, ...]:
        return tuple(self._graph.tensors[tensor].shape)

    def _tensor(
        self, shape: Sequence[int], type_name: str, scales: list[float], zeros: list[int], axis: int, buffer: int
    ) -> int:
        tensor = schema.TensorT()
        tensor.name = f"t{len(self._graph.tensors)}"
        tensor.shape = [int(n) for n in shape]
        tensor.type = getattr(schema.TensorType, type_name)
        tensor.buffer = buffer
        if scales:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = [float(s) for s in scales]
            tensor.quantization.zeroPoint = zeros
            tensor.quantization.quantizedDimension = axis
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def operator(
        self, name: str, inputs: Sequence[int | None], outputs: Sequence[int], options: str = "", **fields: Any
    ) -> None:
        """Any operator; ``options`` names its options table, ``fields`` fill it, enumerations by name too."""
        if name not in self._codes:
            code = schema.OperatorCodeT()
            code.builtinCode = getattr(schema.BuiltinOperator, name)
            code.deprecatedBuiltinCode = min(code.builtinCode, 127)
            code.version = 1
            self._codes[name] = len(self._model.operatorCodes)
            self._model.operatorCodes.append(code)
        operator = schema.OperatorT()
        operator.opcodeIndex = self._codes[name]
        operator.inputs = [-1 if tensor is None else tensor for tensor in inputs]
        operator.outputs = list(outputs)
        if options:
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, options)
            operator.builtinOptions = getattr(schema, f"{options}T")()
            for field, value in fields.items():
                assert hasattr(operator.builtinOptions, field), field
                if isinstance(value, str) and field in _ENUMERATIONS:
                    value = getattr(_ENUMERATIONS[field], value)
                setattr(operator.builtinOptions, field, value)
        self._graph.operators.append(operator)

    def conv_2d(self, x: int, weights: int, bias: int | None, y: int, *, depthwise: bool = False, **how: Any) -> None:
        """CONV_2D, or DEPTHWISE_CONV_2D; ``how`` takes padding, stride, dilation and activation."""
        fields = _window(how, "dilationHFactor", "dilationWFactor", how.get("dilation", (1, 1)))
        if depthwise:
            fields["depthMultiplier"] = self.shape(weights)[3] // self.shape(x)[3]
        self.operator(
            "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D",
            # Left out, not -1: TensorFlow Lite Micro dies of a depthwise convolution with bias -1.
            (x, weights) if bias is None else (x, weights, bias),
            (y,),
            "DepthwiseConv2DOptions" if depthwise else "Conv2DOptions",
            **fields,
        )

    def pool(self, name: str, x: int, y: int, *, window: tuple[int, int], **how: Any) -> None:
        """MAX_POOL_2D or AVERAGE_POOL_2D."""
        self.operator(name, (x,), (y,), "Pool2DOptions", **_window(how, "filterHeight", "filterWidth", window))

    def fully_connected(
        self, x: int, weights: int, bias: int | None, y: int, *, activation: str = "NONE", asymmetric: bool = False
    ) -> None:
        """FULLY_CONNECTED."""
        self.operator(
            "FULLY_CONNECTED",
            (x, weights, bias),
            (y,),
            "FullyConnectedOptions",
            fusedActivationFunction=getattr(schema.ActivationFunctionType, activation),
            asymmetricQuantizeInputs=asymmetric,
        )

    def add(self, x: int, other: int, y: int, *, activation: str = "NONE") -> None:
        """ADD."""
        value = getattr(schema.ActivationFunctionType, activation)
        self.operator("ADD", (x, other), (y,), "AddOptions", fusedActivationFunction=value)

    def handle(self, name: str) -> int:
        """A VAR_HANDLE of a variable."""
        tensor = self._tensor((), "RESOURCE", [], [], 0, buffer=0)
        self.operator("VAR_HANDLE", (), (tensor,), "VarHandleOptions", container="", sharedName=name)
        return tensor

    def first_value(self, name: str, values: npt.NDArray[Any], *, scale: float = 0.0, zero_point: int = 0) -> None:
        """A CALL_ONCE that gives a variable its first value."""
        called = self.called()
        constant = called.constant(values, scales=[scale] if scale else [], zero_point=zero_point)
        called.operator("ASSIGN_VARIABLE", (called.handle(name), constant), ())
        self.operator("CALL_ONCE", (), (), "CallOnceOptions", initSubgraphIndex=len(self._called))

    def attach(self, metadata: bytes) -> None:
        """Metadata of tflite-support, as `model_metadata` makes it."""
        buffer, entry = schema.BufferT(), schema.MetadataT()
        buffer.data = np.frombuffer(metadata, np.uint8)
        self._model.buffers.append(buffer)
        entry.name, entry.buffer = "TFLITE_METADATA", len(self._model.buffers) - 1
        self._model.metadata = [entry]

    def finish(self, source: int, result: int, *more_sources: int) -> bytes:
        """The file's content."""
        return self.finish_with((source, *more_sources), (result,))

    def finish_with(self, sources: Sequence[int], results: Sequence[int]) -> bytes:
        """The file's content, with any number of inputs and outputs."""
        self._graph.inputs = list(sources)
        self._graph.outputs = list(results)
        self._model.subgraphs = [self._graph, *self._called]
        builder = flatbuffers.Builder(1024)
        builder.Finish(self._model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def _window(how: dict[str, Any], height: str, width: str, size: tuple[int, int]) -> dict[str, Any]:
    stride = how.get("stride", (1, 1))
    return {
        "padding": getattr(schema.Padding, how.get("padding", "VALID")),
        "strideH": stride[0],
        "strideW": stride[1],
        height: size[0],
        width: size[1],
        "fusedActivationFunction": getattr(schema.ActivationFunctionType, how.get("activation", "NONE")),
    }


def slide(size: int, kernel: int, stride: int, dilation: int, padding: str) -> int:
    """Output size of a window along one dimension."""
    if padding == "SAME":
        return -(-size // stride)
    return -(-(size - (kernel - 1) * dilation) // stride)
